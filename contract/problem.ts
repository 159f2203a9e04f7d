import type { ErrorCode } from "./errors.ts";

/**
 * The part of a request that a problem is about. `machine` is no part of the request: the problem is where it would
 * run. `prompt` is the agent's; `policy` is a policy file, whose problems name their place themselves.
 */
export type Subject =
  | "command"
  | "allow"
  | "allowPrivate"
  | "mounts"
  | "name"
  | "environment"
  | "cwd"
  | "timeout"
  | "memory"
  | "tasks"
  | "tmp"
  | "model"
  | "policy"
  | "machine"
  | "prompt"
  | "request";

/** One problem of a request. It knows no command line: code that read the request from one adds the option's name. */
export interface Problem {
  readonly code: ErrorCode;
  readonly subject: Subject;
  /** The value that was given, when the message needs it. */
  readonly value?: string;
  /** The mistake, and a correct value. */
  readonly message: string;
}

/** A problem as one line, for a program's author. */
export function describeProblem({ subject, value, message }: Problem): string {
  if (subject === "machine" || subject === "prompt" || subject === "policy") return message;
  return value === undefined ? `${subject}: ${message}` : `${subject} ${JSON.stringify(value)}: ${message}`;
}
