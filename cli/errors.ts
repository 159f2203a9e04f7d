/** What the operator must know or do; shown without a stack trace. */
export class OperatorError extends Error {
  /** Exit code of the command. */
  readonly exitCode: number = 1;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OperatorError";
  }
}

/** What was written cannot be carried out. */
export class UsageError extends OperatorError {
  override readonly exitCode = 2;
}

/** Whatever was thrown, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
