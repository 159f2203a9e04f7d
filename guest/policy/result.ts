import type { Problem } from "../../contract/problem.ts";

/** One problem of a policy file, with its place. */
export interface PolicyProblem {
  /** Line and column of the value, or of the key that is wrong. They begin with 1. */
  readonly line: number;
  readonly column: number;
  /** Path of the value, such as `folders.site.mode`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

/** The settings of a sealed run that a policy has, as the command line writes them. */
export interface PolicyRun {
  readonly allow: readonly string[];
  readonly allowPrivate: readonly string[];
  /** `DIR:NAME:MODE`. */
  readonly mount: readonly string[];
  /** `NAME=VALUE`, or `NAME` for the caller's own value. */
  readonly env: readonly string[];
  readonly timeout?: string;
  readonly memory?: string;
  readonly tasks?: string;
  readonly tmp?: string;
  readonly agent?: true;
  readonly model?: string;
}

export type ReadPolicy =
  | { readonly run: PolicyRun; readonly problems: readonly [] }
  | { readonly run?: undefined; readonly problems: readonly PolicyProblem[] };

/** A problem as one line: `FILE:LINE:COLUMN: PATH: MESSAGE`. */
export const describePolicyProblem = (file: string, { line, column, path, message }: PolicyProblem): string =>
  `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`;

/** The problems of a policy file as problems of a request. */
export const policyProblems = (file: string, problems: readonly PolicyProblem[]): Problem[] =>
  problems.map((problem) => ({
    code: "CLOISTER_E_POLICY",
    subject: "policy",
    message: describePolicyProblem(file, problem),
  }));
