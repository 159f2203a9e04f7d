import { execa } from "execa";
import { type StateFile, stateFile } from "./state-file.ts";

/** A `pulumi` that runs in a project. */
export interface Engine {
  /** Yields the lines that a command prints, as they come. Its exit code does not matter: the lines tell the result. */
  lines(args: readonly string[], env?: Readonly<Record<string, string>>): AsyncIterable<string>;
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
    async *lines(args, more = {}) {
      const options = { cwd: folder, env: { ...env, ...more }, reject: false, stdin: "ignore", buffer: false } as const;
      const running = execa(pulumi, [...args, ...FLAGS], options);
      yield* running.iterable();
    },
    async text(args) {
      const { stdout } = await execa(pulumi, [...args, ...FLAGS], { cwd: folder, env, stdin: "ignore" });
      return stdout;
    },
    async stateFile(stack) {
      return await stateFile(
        "PULUMI_BACKEND_URL" in env ? env["PULUMI_BACKEND_URL"] : process.env["PULUMI_BACKEND_URL"],
        stack,
      );
    },
  };
}
