/** `npm run -s pulumi -- ARGS`: runs Pulumi with these arguments in the environment it needs; see docs/toolchain.md. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { constants, homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureToolchain } from "./index.ts";

const projectFolder = new URL("../", import.meta.url).pathname.replace(/\/$/, "");

/**
 * The environment that is added where the user has chosen no backend: state in `.cloister/state` of the project, and an
 * empty passphrase for its secrets unless the user set one. Empty when there is a backend or a login.
 *
 * @param credentials text of Pulumi's credentials.json; undefined when there is none
 */
export function ownBackend(
  env: NodeJS.ProcessEnv,
  credentials: string | undefined,
  project: string,
): Record<string, string> {
  if (env["PULUMI_BACKEND_URL"] || env["PULUMI_ACCESS_TOKEN"] || isLoggedIn(credentials)) return {};
  const hasPassphrase = "PULUMI_CONFIG_PASSPHRASE" in env || "PULUMI_CONFIG_PASSPHRASE_FILE" in env;
  return {
    // Without files of metadata beside the state's, which a killed run leaves half-written (torn-metadata.ts).
    PULUMI_BACKEND_URL: `${pathToFileURL(stateFolder(project)).href}?metadata=skip`,
    ...(hasPassphrase ? {} : { PULUMI_CONFIG_PASSPHRASE: "" }),
  };
}

/** The state folder of a project without a backend of its own. */
export function stateFolder(project: string = projectFolder): string {
  return join(project, ".cloister", "state");
}

/** The environment for Pulumi in this project: what the toolchain needs, and {@link ownBackend}. Makes the state folder. */
export function pulumiEnvironment(toolchain: { env: Readonly<Record<string, string>> }): Record<string, string> {
  const env: NodeJS.ProcessEnv = { ...process.env, ...toolchain.env };
  const folder = env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || join(homedir(), ".pulumi");
  const backend = ownBackend(env, readIfThere(join(folder, "credentials.json")), projectFolder);
  if (backend["PULUMI_BACKEND_URL"]) mkdirSync(stateFolder(), { recursive: true });
  return { PULUMI_SKIP_UPDATE_CHECK: "true", ...toolchain.env, ...backend };
}

function isLoggedIn(credentials: string | undefined): boolean {
  try {
    return Boolean((JSON.parse(credentials ?? "{}") as { current?: string }).current);
  } catch {
    return false;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const toolchain = await ensureToolchain({ deep: false, report: (line) => console.error(line) });
  const env = { ...process.env, ...pulumiEnvironment(toolchain) };
  const child = spawn(toolchain.pulumi, process.argv.slice(2), { stdio: "inherit", env });
  // Ctrl-C reaches Pulumi itself, from the terminal: it decides, and we end when it ends.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    console.error(`${toolchain.pulumi} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
