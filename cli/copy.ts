import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, stat } from "node:fs/promises";
import { basename, dirname, posix, resolve } from "node:path";
import { Transform, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type CopyReport, ReportReader, reportOf } from "./copy/report.ts";
import { shown } from "./copy/text.ts";
import { OperatorError, UsageError } from "./errors.ts";
import { python } from "./remote-helper/start.ts";
import type { Transport } from "./transport.ts";

/** Options of a copy. */
export interface CopyOptions {
  /** The user who reads or writes on the machine. */
  readonly user: "root" | "operator";
  /** Gets the number of bytes that were moved, compressed. */
  readonly moved?: (bytes: number) => void;
}

/**
 * Copies a file or a folder of this computer to a machine. A path there is relative to the user's home. If `to` is an
 * existing folder, the copy goes into it. An existing file, also one in an existing folder, is replaced when the new
 * one is complete. On the machine only links of its system are followed; on this computer no links below `from` are.
 *
 * @returns the entries that were left out, and notes
 * @throws OperatorError when either side lacks something, or when the copy does not come to its end. Files that have
 * arrived stay, each complete, and the copy can be repeated
 */
export async function copyTo(
  transport: Transport,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const path = resolve(from);
  const name = basename(path);
  if (name === "") throw new UsageError("the whole of this computer's disk is not copied: name a folder.");
  if (!(await exists(path)))
    throw new OperatorError(`there is no ${shown(from)} on this computer.`, { code: "CLOISTER_E_COPY_SOURCE" });
  const here = endHere(["send", path]);
  const there = new ReportReader();
  const packed = here.child.stdout.pipe(counter(options.moved));
  here.child.stdin.end();
  return await both(
    transport.exec([...endThere(transport), "receive", to, name], {
      stdout: nowhere(),
      stderr: there,
      user: options.user,
      stdin: packed,
    }),
    there,
    here,
  );
}

/**
 * Copies a file or a folder of a machine to this computer, by the same rules. The operator has named `to`: links on the
 * way to it are followed, links below it are not.
 *
 * @returns the entries that were left out, and notes
 * @throws OperatorError as `copyTo`
 */
export async function copyFrom(
  transport: Transport,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const path = posix.normalize(from).replace(/(?<=.)\/+$/, "");
  const name = posix.basename(path);
  if (["", ".", ".."].includes(name))
    throw new UsageError(`${shown(from) || "the path"} has no name: write the folder's own.`);
  await mustTake(to);
  const here = endHere(["receive", to, name]);
  const there = new ReportReader();
  const packed = counter(options.moved);
  packed.pipe(here.child.stdin);
  const sent = transport
    .exec([...endThere(transport), "send", path], { stdout: packed, stderr: there, user: options.user })
    .finally(() => packed.end());
  return await both(sent, there, here);
}

const endThere = ({ copyEnd }: Transport): readonly string[] => copyEnd ?? python("copy_end.py");

/** Checks this computer's side first, before the machine is asked: the machine may be far away. */
async function mustTake(to: string): Promise<void> {
  if (await isFolder(to)) return;
  const missing = to.endsWith("/") ? to : dirname(resolve(to));
  if (!(await isFolder(missing))) {
    throw new OperatorError(`there is no folder ${shown(missing)} on this computer.`, {
      code: "CLOISTER_E_COPY_PLACE",
    });
  }
}

/**
 * Waits for both ends. When both fail, one of them may only report that the other is gone: the other one has the
 * reason.
 */
export async function both(
  code: Promise<number>,
  there: ReportReader,
  here: ReturnType<typeof endHere>,
): Promise<CopyReport> {
  let ended: number;
  try {
    ended = await code;
  } catch (error) {
    here.child.kill();
    await here.exited;
    throw error;
  }
  there.end();
  // Our end must learn that the other one has ended: it would wait for ever.
  if (ended !== 0) {
    here.child.stdin.end();
    here.child.stdout.destroy();
  }
  const own = await here.exited;
  const failure = failureOf([
    { report: there, code: ended, where: "on the machine" },
    { report: here.report, code: own, where: "on this computer" },
  ]);
  if (failure !== undefined) throw failure;
  return reportOf([there, here.report]);
}

/** The reason why a copy failed, the best one that both ends give; undefined when it did not fail. */
export function failureOf(
  ends: readonly { readonly report: ReportReader; readonly code: number; readonly where: string }[],
): OperatorError | undefined {
  const failed = ends.filter(({ report, code }) => code !== 0 || report.failure || !report.counts);
  if (failed.length === 0) return undefined;
  const reason = failed.find(({ report }) => report.failure && !report.failure.cut)?.report.failure?.why;
  if (reason !== undefined) return new OperatorError(`${shown(reason)}.`, { code: "CLOISTER_E_COPY_REFUSED" });
  const words = failed.map(({ report }) => report.other.trim()).find((other) => other !== "");
  if (words !== undefined) {
    return new OperatorError(words.split("\n").map(shown).join("\n"), { code: "CLOISTER_E_COPY_FAILED" });
  }
  const died = failed.find(({ report, code }) => code !== 0 && !report.failure);
  if (died) {
    return new OperatorError(`the copy ended with exit code ${died.code} ${died.where}.`, {
      code: "CLOISTER_E_COPY_FAILED",
    });
  }
  return new OperatorError(
    "the copy was cut off: what has arrived is complete, the rest is missing. It can be repeated.",
    { code: "CLOISTER_E_COPY_CUT" },
  );
}

/** Starts the end that is on this computer (`copy/end.ts`). */
export function endHere(words: readonly string[]) {
  const program = [fileURLToPath(new URL("../lib/run-bundled.cjs", import.meta.url)), "cli/copy/end.ts"];
  const child = spawn(process.execPath, [...program, ...words], { stdio: ["pipe", "pipe", "pipe"] });
  const report = new ReportReader();
  child.stderr.pipe(report);
  child.stdin.on("error", () => {});
  child.stdout.on("error", () => {});
  const exited = once(child, "close").then(([code]) => (code as number | null) ?? 1);
  exited.catch(() => {});
  return { child, report, exited };
}

export function nowhere(): Writable {
  return new Writable({ write: (_data, _encoding, done) => done() });
}

export function counter(moved: CopyOptions["moved"]): Transform {
  return new Transform({
    transform(data: Buffer, _encoding, done) {
      moved?.(data.length);
      done(null, data);
    },
  });
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
