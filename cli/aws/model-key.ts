import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { clientSettings } from "./clients.ts";
import { asked } from "./errors.ts";

/** Machines read this value as no key. AWS cannot remove a secret's value, and refuses an empty one. */
const NO_KEY = " ";

/**
 * The model's key of a stack on AWS: the value of its secret. Machines read it within a minute when they have none, and
 * every 15 minutes otherwise (`guest/aws/model-key.ts`).
 *
 * @returns 0; 1 for `status` when there is no key
 */
export async function secretKey(options: {
  readonly secret: string;
  readonly region: string;
  readonly act: "set" | "status" | "clear";
  /** The key, for `set`. */
  readonly value: string;
  readonly json: boolean;
  readonly client?: Pick<SecretsManagerClient, "send">;
}): Promise<number> {
  const { secret, region, act, value, json } = options;
  const client = options.client ?? new SecretsManagerClient(clientSettings(region));
  if (act === "status") {
    const there = await hasKey(client, secret);
    const line = there ? "set" : "none: the scripted demo model answers";
    process.stdout.write(`${json ? JSON.stringify({ key: there ? "set" : "none", secret }) : `${line} (${secret})`}\n`);
    return there ? 0 : 1;
  }
  const text = act === "set" ? value : NO_KEY;
  await asked(`the secret ${secret} could not be written`, () =>
    client.send(new PutSecretValueCommand({ SecretId: secret, SecretString: text })),
  );
  const when = "machines read it within 15 minutes, those without a key within one";
  process.stderr.write(
    `cloister: ${act === "set" ? "the key is set" : "there is no key any more"} (${secret}): ${when}\n`,
  );
  return 0;
}

async function hasKey(client: Pick<SecretsManagerClient, "send">, secret: string): Promise<boolean> {
  return await asked(`the secret ${secret} could not be read`, async () => {
    try {
      const { SecretString = "" } = await client.send(new GetSecretValueCommand({ SecretId: secret }));
      return SecretString.trim() !== "";
    } catch (error) {
      // A secret without a value is not found either.
      if ((error as Error).name === "ResourceNotFoundException") return false;
      throw error;
    }
  });
}
