/** `npm run -s pulumi -- ARGS`: runs Pulumi with these arguments in the environment it needs; see docs/toolchain.md. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { pathToFileURL } from "node:url";
import { whenAskedToStop } from "../lib/asked-to-stop.ts";
import { homeFolder } from "../lib/home.cjs";
import { withoutProxyToLoopback } from "../lib/loopback.cjs";
import { ensureToolchain } from "./index.ts";
import { type Environment, isLoggedIn, isOwnStack, ownEnvironment, projectFolder, stateFolder } from "./own-backend.ts";

/**
 * The environment that is added where the user has chosen no backend, or for a stack that is in the project's own: state in
 * `.cloister/state` of the project. Empty when there is a backend or a login.
 *
 * @param credentials text of Pulumi's credentials.json; undefined when there is none
 * @param stack the one that is meant, if one is
 */
export function ownBackend(
  env: NodeJS.ProcessEnv,
  credentials: string | undefined,
  project: string,
  stack?: string,
): Environment {
  const chosen = env["PULUMI_BACKEND_URL"] || env["PULUMI_ACCESS_TOKEN"] || isLoggedIn(credentials);
  if (chosen && !(stack !== undefined && isOwnStack(stack, project))) return {};
  return ownEnvironment(env, stack, project);
}

/**
 * The environment for Pulumi in this project: what the toolchain needs, and {@link ownBackend}. Makes the state folder.
 *
 * @param own the project's own backend, whatever the user has chosen
 */
export function pulumiEnvironment(
  toolchain: { readonly env: Readonly<Record<string, string>>; readonly home?: string },
  { stack, own = false }: { readonly stack?: string | undefined; readonly own?: boolean } = {},
): Environment {
  const env: NodeJS.ProcessEnv = { ...process.env, ...toolchain.env };
  const folder = env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || join(homeFolder(), ".pulumi");
  const backend = own
    ? ownEnvironment(env, stack, projectFolder)
    : ownBackend(env, readIfThere(join(folder, "credentials.json")), projectFolder, stack);
  if (backend["PULUMI_BACKEND_URL"]) mkdirSync(stateFolder(), { recursive: true });
  // A stack of ours needs nothing that is in the user's own Pulumi home, and may miss something there.
  const isOurs = own || (stack !== undefined && isOwnStack(stack, projectFolder));
  const home = isOurs && toolchain.home ? { PULUMI_HOME: toolchain.home } : {};
  return {
    PULUMI_SKIP_UPDATE_CHECK: "true",
    ...withoutProxyToLoopback(env),
    ...forAnotherProgram(env),
    ...toolchain.env,
    ...backend,
    ...home,
  };
}

/** Variables that Pulumi gives a program that it runs: here they are left over from another one. */
const forAnotherProgram = (env: NodeJS.ProcessEnv): Environment =>
  Object.fromEntries(
    Object.keys(env)
      .filter((name) => name.startsWith("PULUMI_NODEJS_"))
      .map((name) => [name, undefined]),
  );

/** The stack that Pulumi's arguments, or else PULUMI_STACK, name. */
export function stackIn(args: readonly string[], env: NodeJS.ProcessEnv = process.env): string | undefined {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  for (const [i, arg] of own.entries()) {
    if (arg === "--stack" || arg === "-s") return own[i + 1];
    const [, value] = /^(?:--stack=|-s=?)(.+)$/.exec(arg) ?? [];
    if (value !== undefined) return value;
  }
  return env["PULUMI_STACK"];
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
  const args = process.argv.slice(2);
  const env = { ...process.env, ...pulumiEnvironment(toolchain, { stack: stackIn(args) }) };
  // At a terminal Pulumi asks, and a Ctrl-C reaches it from there. Elsewhere it has a process group of its own: a signal to
  // all of ours and one to us alone both come once. It decides, and we end when it ends.
  const terminal = isatty(0) || isatty(1) || isatty(2);
  const child = spawn(toolchain.pulumi, args, { stdio: "inherit", env, detached: !terminal });
  whenAskedToStop((_times, signal) => {
    if (!terminal || signal !== "SIGINT") child.kill("SIGINT");
  });
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
