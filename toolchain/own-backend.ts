import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "yaml";
import { homeFolder } from "../lib/home.cjs";

/** What is added to an environment; undefined takes a variable away. */
export type Environment = Record<string, string | undefined>;

export const projectFolder = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Where a project without a backend keeps its state. */
export function stateFolder(project: string = projectFolder): string {
  return join(project, ".cloister", "state");
}

/** The file of a stack's state in the project's own backend. */
export function ownStateFile(stack: string, project: string = projectFolder): string {
  return join(stateFolder(project), ".pulumi", "stacks", "cloister", `${stack}.json`);
}

/**
 * Whether a stack is a machine of this computer that the project's own backend holds. It is found there whatever backend the
 * environment or a login names: that one is for stacks on AWS, which others share.
 */
export function isOwnStack(stack: string, project: string = projectFolder): boolean {
  if (!existsSync(ownStateFile(stack, project))) return false;
  const target = configOf(stack, project)?.config?.["cloister:target"];
  return target === undefined || target === "local" || target === "container";
}

/**
 * The environment in which the project's own backend is used, whatever else the user has chosen for other stacks: state in
 * `.cloister/state`, and an empty passphrase for its secrets, unless the stack's configuration belongs to another one.
 *
 * @param stack whose configuration tells what its passphrase is; absent: the user's, or else an empty one
 */
export function ownEnvironment(env: NodeJS.ProcessEnv, stack: string | undefined, project: string): Environment {
  const salt = stack === undefined ? undefined : configOf(stack, project)?.encryptionsalt;
  const given = "PULUMI_CONFIG_PASSPHRASE" in env || "PULUMI_CONFIG_PASSPHRASE_FILE" in env;
  // Deriving a key takes a third of a second: only where it decides.
  const empty = !given || (stack !== undefined && (salt === undefined || isOfEmptyPassphrase(salt)));
  return {
    // Where the state is, and in which form: of the user's backend, not of ours.
    ...Object.fromEntries(
      Object.keys(env)
        .filter((name) => /^PULUMI_(ACCESS_TOKEN$|STACK$|API$|DIY_BACKEND_|SELF_MANAGED_STATE_)/.test(name))
        .map((name) => [name, undefined]),
    ),
    // Without files of metadata beside the state's, which a killed run leaves half-written (torn-metadata.ts).
    PULUMI_BACKEND_URL: `${pathToFileURL(stateFolder(project)).href}?metadata=skip`,
    ...(empty ? { PULUMI_CONFIG_PASSPHRASE: "" } : {}),
    ...(empty && "PULUMI_CONFIG_PASSPHRASE_FILE" in env ? { PULUMI_CONFIG_PASSPHRASE_FILE: undefined } : {}),
  };
}

/** Whether a stack's `encryptionsalt` was made with an empty passphrase. */
export const isOfEmptyPassphrase = (encryptionSalt: string): boolean => isOfPassphrase(encryptionSalt, "");

/** Whether a stack's `encryptionsalt` was made with this passphrase (Pulumi: pkg/secrets/passphrase, sdk config/crypt.go). */
export function isOfPassphrase(encryptionSalt: string, passphrase: string): boolean {
  const [version, salt = "", inner, nonce = "", sealed = ""] = encryptionSalt.split(":");
  if (version !== "v1" || inner !== "v1") return false;
  const [iv, data] = [Buffer.from(nonce, "base64"), Buffer.from(sealed, "base64")];
  if (iv.length !== 12 || data.length <= 16) return false;
  const key = pbkdf2Sync(passphrase, Buffer.from(salt, "base64"), 1_000_000, 32, "sha256");
  const decipher = createDecipheriv("aes-256-gcm", key, iv).setAuthTag(data.subarray(-16));
  try {
    return `${decipher.update(data.subarray(0, -16), undefined, "utf8")}${decipher.final("utf8")}` === "pulumi";
  } catch {
    return false;
  }
}

interface StackFile {
  readonly encryptionsalt?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Tells whether the user has chosen a backend or an account of Pulumi's, by the environment or by a login. */
export function isBackendChosen(env: NodeJS.ProcessEnv = process.env): boolean {
  if (env["PULUMI_BACKEND_URL"] || env["PULUMI_ACCESS_TOKEN"]) return true;
  const folder = env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || join(homeFolder(), ".pulumi");
  const file = join(folder, "credentials.json");
  return existsSync(file) && isLoggedIn(readFileSync(file, "utf8"));
}

/** @param credentials text of Pulumi's credentials.json; undefined when there is none */
export function isLoggedIn(credentials: string | undefined): boolean {
  try {
    return Boolean((JSON.parse(credentials ?? "{}") as { current?: string }).current);
  } catch {
    return false;
  }
}

/** The names of the stacks in the project's own backend, in alphabetical order. */
export function ownStacks(project: string = projectFolder): readonly string[] {
  const folder = dirname(ownStateFile("any", project));
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return files.flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -".json".length)] : [])).sort();
}

/** A stack's file of configuration. What cannot be read is for Pulumi to tell. */
export function configOf(stack: string, project: string): StackFile | undefined {
  try {
    return parse(readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")) as StackFile;
  } catch {
    return undefined;
  }
}
