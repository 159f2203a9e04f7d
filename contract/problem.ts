import type { ErrorCode } from "./errors.ts";

/** The part of a request that a problem is about. `machine`: none of it, but where it would run; `prompt`: the agent's. */
export type Subject =
  | "command"
  | "allow"
  | "allowPrivate"
  | "mounts"
  | "name"
  | "environment"
  | "cwd"
  | "timeout"
  | "machine"
  | "prompt"
  | "request";

/** One thing that is wrong with a request. It knows no command line: whoever took it from one adds the option's name. */
export interface Problem {
  readonly code: ErrorCode;
  readonly subject: Subject;
  /** What was given, where the message needs it. */
  readonly value?: string;
  /** What is wrong with it, and what to write instead. */
  readonly message: string;
}

/** A problem as one line, for a program's author. */
export function describeProblem({ subject, value, message }: Problem): string {
  if (subject === "machine" || subject === "prompt") return message;
  return value === undefined ? `${subject}: ${message}` : `${subject} ${JSON.stringify(value)}: ${message}`;
}
