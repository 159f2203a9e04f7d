import type { ErrorCode } from "../contract/errors.ts";

interface CodedOptions extends ErrorOptions {
  readonly code?: ErrorCode;
}

/** What the operator must know or do; shown without a stack trace. */
export class OperatorError extends Error {
  /** Exit code of the command. */
  readonly exitCode: number = 1;
  /** Default: `CLOISTER_E_FAILED`. */
  readonly code: ErrorCode;

  constructor(message: string, { code = "CLOISTER_E_FAILED", ...options }: CodedOptions = {}) {
    super(message, options);
    this.name = "OperatorError";
    this.code = code;
  }
}

/** What was written cannot be carried out. Its code by default: `CLOISTER_E_USAGE`. */
export class UsageError extends OperatorError {
  override readonly exitCode = 2;

  constructor(message: string, { code = "CLOISTER_E_USAGE", ...options }: CodedOptions = {}) {
    super(message, { code, ...options });
  }
}

/** Whatever was thrown, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
