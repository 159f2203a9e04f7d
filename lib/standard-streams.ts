import type { Writable } from "node:stream";

/** Exit code of a program that a closed pipe ended, as a shell reports it (128 and SIGPIPE). */
const CLOSED_PIPE = 141;

/**
 * Decides what becomes of this process when its output cannot be written. A pipe that nobody reads any more ends it
 * without a word, as it ends other programs. A full disk is told. Errors that cannot be told are no reason to fail.
 *
 * @param end ends the process. Default: `process.exit`
 */
export function watchStandardStreams(
  { stdout, stderr }: { readonly stdout: Writable; readonly stderr: Writable } = process,
  end: (code: number) => void = (code) => process.exit(code),
): void {
  stderr.on("error", () => {});
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") stderr.write(`cloister: the output cannot be written: ${error.message}\n`);
    end(error.code === "EPIPE" ? CLOSED_PIPE : 1);
  });
}
