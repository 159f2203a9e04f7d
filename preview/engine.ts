import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { PROJECT, type StateFile, stateFile } from "./state-file.ts";

/** A `pulumi` that runs in a project. */
export interface Engine {
  /** Yields the lines that a command prints, as they come. Its exit code does not matter: the lines tell the result. A signal ends it. */
  lines(args: readonly string[], env?: Readonly<Record<string, string>>, signal?: AbortSignal): AsyncIterable<string>;
  /**
   * Returns the output of a command.
   *
   * @throws Error when it fails
   */
  text(args: readonly string[]): Promise<string>;
  /** A stack's state without a call of the engine, where it is in a file: see {@link stateFile}. */
  stateFile?(stack: string): Promise<StateFile | undefined>;
}

/**
 * Streams the engine's events on stdout, one a line. Without it the engine prints a summary that lacks half of them.
 */
export const STREAM = { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" };

const FLAGS = ["--non-interactive", "--color=never"];

/**
 * @param pulumi path of the binary
 * @param folder of the project
 * @param env variables beside this process's environment
 */
export function engineOf(pulumi: string, folder: string, env: Readonly<Record<string, string | undefined>>): Engine {
  return {
    async *lines(args, more = {}, cancelSignal) {
      const options = {
        cwd: folder,
        env: { ...env, ...more },
        reject: false,
        stdin: "ignore",
        buffer: false,
        ...(cancelSignal ? { cancelSignal } : {}),
      } as const;
      const running = execa(pulumi, [...args, ...FLAGS], options);
      yield* running.iterable();
    },
    async text(args) {
      const { stdout } = await execa(pulumi, [...args, ...FLAGS], { cwd: folder, env, stdin: "ignore" });
      return stdout;
    },
    async stateFile(stack) {
      if (!(await isProject(folder))) return undefined;
      return await stateFile(
        "PULUMI_BACKEND_URL" in env ? env["PULUMI_BACKEND_URL"] : process.env["PULUMI_BACKEND_URL"],
        stack,
      );
    },
  };
}

/** The state's file is found by the project's name: of a project that was renamed it would be the old one's. */
async function isProject(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "Pulumi.yaml"), "utf8").catch(() => "");
  return new RegExp(`^name: *(["']?)${PROJECT}\\1 *(#.*)?$`, "m").test(text);
}
