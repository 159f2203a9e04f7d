import { Writable } from "node:stream";
import { OperatorError } from "./errors.ts";
import type { ExecOptions, Transport } from "./transport.ts";

/** The output of a command, and its exit code. */
export interface Captured {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bytes of both outputs together that are kept. What is asked for has some thousands. */
const MOST = 16 << 20;

/**
 * Runs a command on a machine and keeps what it says. The machine may be in a session's hands, and its answer without end.
 *
 * @param options.most bytes of both outputs together. @default 16 MiB
 * @throws OperatorError when more comes
 */
export async function capture(
  transport: Pick<Transport, "exec">,
  command: readonly string[],
  { most = MOST, ...options }: Pick<ExecOptions, "user" | "environment" | "signals"> & { readonly most?: number } = {},
): Promise<Captured> {
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const tooMuch = new AbortController();
  let size = 0;
  const keep = (into: Buffer[]) =>
    new Writable({
      write(data: Buffer, _encoding, done) {
        size += data.length;
        if (size <= most) into.push(data);
        else tooMuch.abort(new OperatorError(`the machine answered with more than ${most / 2 ** 20} MiB.`));
        done();
      },
    });
  const [stdout, stderr] = [keep(kept.stdout), keep(kept.stderr)];
  const exitCode = await transport.exec(command, { ...options, stdout, stderr, until: tooMuch.signal });
  tooMuch.signal.throwIfAborted();
  const text = (parts: Buffer[]): string => Buffer.concat(parts).toString("utf8");
  return { exitCode, stdout: text(kept.stdout), stderr: text(kept.stderr) };
}
