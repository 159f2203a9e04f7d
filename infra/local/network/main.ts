/**
 * `main.ts MARK`: runs a machine's QEMU and is the packet filter between it and its user network. What to run it reads from
 * stdin ({@link RunMachine}, JSON); on stdout it answers with QEMU's process number. Both live and die together: it ends when
 * QEMU has ended, and when it is killed, its guard ends QEMU, which until then has no network. It also keeps the machine's
 * logs short.
 */
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { keepLogsShort } from "../host/short-log.ts";
import { guardStart } from "../host/start-guard.ts";
import type { Paths } from "../paths.ts";
import { FROM_FILTER, TO_FILTER } from "./arguments.ts";
import { Destinations } from "./destinations.ts";
import { FrameFilter } from "./frames.ts";
import type { HostService } from "./host-access.ts";
import { judgeOf } from "./packet-filter.ts";

/** Input of this program, as JSON on stdin. */
export interface RunMachine {
  readonly program: string;
  readonly args: readonly string[];
  readonly services: readonly HostService[];
  /** Name of this start. */
  readonly start: string;
  readonly paths: Pick<Paths, "pid" | "marker" | "process" | "console" | "qemuLog">;
}

/** The answer: QEMU's process. */
export interface MachineRuns {
  readonly pid: number;
}

/** Nothing comes when whoever started us ended before it said what to run: that is no JSON. */
async function main(): Promise<void> {
  run(JSON.parse(await text(process.stdin)) as RunMachine);
}

export default main();

function run({ program, args, services, start, paths }: RunMachine): void {
  const guard = guardStart(paths, start);
  const qemu = spawn(program, args, { stdio: ["ignore", 2, 2, "pipe", "pipe"] });
  const end = (code: number): void => {
    guard.dismiss(() => process.exit(code));
  };
  qemu.once("error", (error) => {
    console.error(error.message);
    end(127);
  });
  qemu.once("exit", (code) => end(code ?? 1));
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => qemu.kill("SIGTERM"));
  keepLogsShort(paths);
  const destinations = new Destinations();
  const judge = judgeOf({ denies: (address) => destinations.denies(address), services });
  // Sockets, both of them: a pair for each descriptor.
  filter(qemu.stdio[TO_FILTER] as Readable, qemu.stdio[FROM_FILTER] as unknown as Writable & Readable, judge);
  if (qemu.pid !== undefined) console.log(JSON.stringify({ pid: qemu.pid } satisfies MachineRuns));
}

/** Bytes that may wait for QEMU to take them back: more than the connections of a busy machine have under way. */
const MOST_WAITING = 16 << 20;

/** Carries the frames that may pass. After an error there is no network any more; the machine lives on. */
function filter(sent: Readable, passed: Writable & Readable, judge: (frame: Buffer) => boolean): void {
  const frames = new FrameFilter(judge);
  const stop = (error: Error): void => {
    console.error(`the machine has no network any more: ${error.message}`);
    sent.destroy();
    passed.destroy();
  };
  sent.on("error", stop);
  passed.on("error", stop);
  passed.resume();
  sent.on("data", (chunk: Buffer) => {
    try {
      const piece = frames.take(chunk);
      // QEMU takes nothing back while it writes: when we waited for it to take, both would wait for ever. What a machine
      // sends faster than its network takes is lost, as on every network.
      if (piece.length > 0 && passed.writableLength < MOST_WAITING) passed.write(piece);
    } catch (error) {
      stop(error as Error);
    }
  });
}
