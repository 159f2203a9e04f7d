import { messageOf, OperatorError } from "../errors.ts";

/** AWS's errors that an operator can do something about, each with what to do. */
const HELP: Readonly<Record<string, string>> = {
  CredentialsProviderError: "No credentials for AWS: sign in (aws sso login), with AWS_PROFILE set.",
  ENOTFOUND: "There is no such host of AWS's: look at the region's name, and at this computer's network and DNS.",
  ECONNREFUSED: "Nobody answers there: look at AWS_ENDPOINT_URL, and at this computer's network.",
  ExpiredToken: "The credentials for AWS have expired: sign in again (aws sso login).",
  ExpiredTokenException: "The credentials for AWS have expired: sign in again (aws sso login).",
  TargetNotConnected:
    "Its SSM agent is not connected: it still boots, or cannot reach SSM (docs/operating.md, When a machine does not answer).",
  AccessDeniedException: "docs/operating.md lists what an operator needs to be allowed.",
  UnauthorizedOperation: "docs/operating.md lists what an operator needs to be allowed.",
  AccessDenied: "docs/operating.md lists what an operator needs to be allowed.",
};

/** Runs a call of AWS's API. Its errors tell the operator what to do. */
export async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const help = HELP[(error as Error).name] ?? HELP[(error as NodeJS.ErrnoException).code ?? ""];
    if (error instanceof OperatorError || !isOfAws(error)) throw error;
    throw new OperatorError(`${what}: ${messageOf(error)}${help ? `\n${help}` : ""}`, {
      code: "CLOISTER_E_AWS",
      cause: error,
    });
  }
}

/** True when the error comes from the service, or from the SDK on the way to it; false for a mistake of ours. */
function isOfAws(error: unknown): boolean {
  const { name, $metadata, code } = error as { name?: string; $metadata?: unknown; code?: string };
  return $metadata !== undefined || code !== undefined || (name ?? "") in HELP || name === "TimeoutError";
}
