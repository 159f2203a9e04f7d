import { existsSync } from "node:fs";
import { join } from "node:path";
import { homeFolder } from "../../../lib/home.cjs";
import type { Problem } from "../../settings/settings.ts";

/** The problem that there are no credentials. The provider's own message comes late, and once for each resource. */
export function credentialsProblem(
  environment: Readonly<Record<string, string | undefined>>,
  hasSharedFiles: boolean,
): Problem | undefined {
  const names = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  ];
  if (hasSharedFiles || names.some((name) => environment[name])) return undefined;
  if (environment["AWS_EC2_METADATA_DISABLED"] !== "true" && environment["CLOISTER_INSTANCE_ROLE"] === "true")
    return undefined;
  return {
    path: "AWS credentials",
    message:
      "none were found. Sign in (aws sso login, with AWS_PROFILE set) or set AWS_ACCESS_KEY_ID; on an EC2 instance with a role set CLOISTER_INSTANCE_ROLE=true.",
  };
}

/** Looks on this computer for the files in which AWS's tools keep credentials. */
export function hasSharedCredentials(environment: Readonly<Record<string, string | undefined>>): boolean {
  const file = (variable: string, name: string) => environment[variable] ?? join(homeFolder(), ".aws", name);
  return (
    existsSync(file("AWS_SHARED_CREDENTIALS_FILE", "credentials")) || existsSync(file("AWS_CONFIG_FILE", "config"))
  );
}
