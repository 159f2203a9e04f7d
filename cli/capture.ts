import { Writable } from "node:stream";
import type { ExecOptions, Transport } from "./transport.ts";

/** The output of a command, and its exit code. */
export interface Captured {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command on a machine and keeps what it says. */
export async function capture(
  transport: Pick<Transport, "exec">,
  command: readonly string[],
  options: Pick<ExecOptions, "user" | "environment" | "signals"> = {},
): Promise<Captured> {
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const keep = (into: Buffer[]) =>
    new Writable({
      write(data: Buffer, _encoding, done) {
        into.push(data);
        done();
      },
    });
  const exitCode = await transport.exec(command, { ...options, stdout: keep(kept.stdout), stderr: keep(kept.stderr) });
  const text = (parts: Buffer[]): string => Buffer.concat(parts).toString("utf8");
  return { exitCode, stdout: text(kept.stdout), stderr: text(kept.stderr) };
}
