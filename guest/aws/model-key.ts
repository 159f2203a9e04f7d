import { rm, stat } from "node:fs/promises";
import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from "@aws-sdk/client-secrets-manager";
import { NoKey, parseKey, writeKey } from "../agent/model-key.ts";

/** Time after which a key is read again. A rotated key must stay valid that long. Milliseconds. */
const REFRESH_MS = 15 * 60_000;
/** Time between two reads while there is no key, or after a failure. Milliseconds. */
const RETRY_MS = 60_000;
/** Minimum time between two reads, also after refusals by the API. Milliseconds. */
const LEAST_MS = 30_000;

/** Reads a secret's text: undefined when it has none, or does not exist. */
export type ReadSecret = () => Promise<string | undefined>;

/** Makes the function that reads the secret from AWS Secrets Manager. */
export function secretsManager(secret: string, config: SecretsManagerClientConfig): ReadSecret {
  const client = new SecretsManagerClient(config);
  return async () => {
    try {
      return (await client.send(new GetSecretValueCommand({ SecretId: secret }))).SecretString;
    } catch (error) {
      // A secret without a value is not found either.
      if ((error as Error).name === "ResourceNotFoundException") return undefined;
      throw error;
    }
  };
}

export interface ModelKeyOptions {
  readonly read: ReadSecret;
  /** The file from which the relay reads the key: on a file system in memory. */
  readonly file: string;
  /** The file that the relay makes when the API refuses the key. */
  readonly refused: string;
  readonly say: (line: string) => void;
}

/** Keeps the model's key where the relay reads it, and nowhere else: no line, no error and no other file has it. */
export class ModelKey {
  readonly #options: ModelKeyOptions;
  #askedAt: number | undefined;
  #state: "key" | "none" | "unknown" = "unknown";
  #said = "";

  constructor(options: ModelKeyOptions) {
    this.#options = options;
  }

  /** True once it is known whether there is a key. */
  get settled(): boolean {
    return this.#state !== "unknown";
  }

  /** Asks for the key when it is time to. Never throws: it reports a failure, once for each reason. */
  async tick(now: number): Promise<void> {
    if (this.#askedAt !== undefined) {
      const age = now - this.#askedAt;
      const due = age >= (this.#state === "key" ? REFRESH_MS : RETRY_MS);
      if (!due && !(age >= LEAST_MS && (await exists(this.#options.refused)))) return;
    }
    this.#askedAt = now;
    await rm(this.#options.refused, { force: true });
    try {
      await this.#take(await this.#options.read());
    } catch (error) {
      // Keep the key that is there: the service may be out of reach for a while.
      const kept = this.#state === "key" ? "the key of before is used" : "there is none";
      this.#say(`the model's key could not be read: ${(error as Error).message}; ${kept}`);
    }
  }

  async #take(secret: string | undefined): Promise<void> {
    const key = secret?.trim() ?? "";
    const { file } = this.#options;
    if (key === "") {
      await rm(file, { force: true });
      this.#state = "none";
      this.#say("the model's secret has no value: the scripted demo model answers until it has one");
      return;
    }
    try {
      await writeKey(parseKey(key, "the model's secret"), file);
    } catch (error) {
      if (!(error instanceof NoKey)) throw error;
      await rm(file, { force: true });
      this.#state = "none";
      this.#say(`${error.message}. The scripted demo model answers`);
      return;
    }
    this.#state = "key";
    this.#say("the model's key is there");
  }

  #say(line: string): void {
    if (line !== this.#said) this.#options.say(line);
    this.#said = line;
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
