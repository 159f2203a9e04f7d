import type { ErrorCode } from "../contract/errors.ts";

interface CodedOptions extends ErrorOptions {
  readonly code?: ErrorCode;
}

/** An error that the operator must know of or act on; shown without a stack trace. */
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

/** The command line cannot be carried out. The default code is `CLOISTER_E_USAGE`. */
export class UsageError extends OperatorError {
  override readonly exitCode = 2;

  constructor(message: string, { code = "CLOISTER_E_USAGE", ...options }: CodedOptions = {}) {
    super(message, { code, ...options });
  }
}

/** The message of a thrown value, which may be of any type. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
