import { lstat } from "node:fs/promises";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { createInflate } from "node:zlib";
import type { Plan } from "../copy/apply.ts";
import { RecordReader } from "../copy/records.ts";
import { type CopyReport, ReportReader, reportOf } from "../copy/report.ts";
import { both, counter, endHere, failureOf, nowhere } from "../copy.ts";
import { OperatorError } from "../errors.ts";
import { python } from "../remote-helper/start.ts";
import type { Transport } from "../transport.ts";
import { type Listing, ListingReader } from "./listing.ts";

/** The largest file that is copied, in bytes, and the most that one sync brings back. */
export const LARGEST = 2 ** 30;
export const MOST_BROUGHT = 4 * 2 ** 30;

/** One side's entries, and the report about those that cannot be copied. */
export interface Listed {
  readonly entries: Listing;
  readonly report: CopyReport;
}

const USER = "operator";

/** Lists a folder of this computer. @throws OperatorError when it cannot be read */
export async function listHere(path: string, skip: string): Promise<Listed> {
  const here = endHere(["list", path, skip, `${LARGEST}`]);
  here.child.stdin.end();
  const [entries, code] = await Promise.all([entriesOf(here.child.stdout), here.exited]);
  return listed(entries, [{ report: here.report, code, where: "on this computer" }]);
}

/** Lists a folder of the machine. @returns undefined when it is not there */
export async function listThere(transport: Transport, path: string, skip: string): Promise<Listed | undefined> {
  const report = new ReportReader();
  const packed = counter(undefined);
  const entries = entriesOf(packed);
  const code = await transport
    .exec([...python("copy_end.py"), "list", path, skip, `${LARGEST}`], { stdout: packed, stderr: report, user: USER })
    .finally(() => packed.end());
  report.end();
  if (code !== 0 && /^there is no /.test(report.failure?.why ?? "")) {
    await entries;
    return undefined;
  }
  return listed(await entries, [{ report, code, where: "on the machine" }]);
}

/** Sends these entries of a folder to the machine's folder, which is made when it is not there. */
export async function push(
  transport: Transport,
  from: string,
  to: { readonly folder: string; readonly name: string },
  paths: readonly string[],
  moved?: (bytes: number) => void,
): Promise<CopyReport> {
  const here = endHere(["pick", from]);
  here.child.stdin.end(namesOf(paths));
  const there = new ReportReader();
  const target = `${to.folder}/`;
  return await both(
    transport.exec([...python("copy_end.py"), "receive", target, to.name], {
      stdout: nowhere(),
      stderr: there,
      user: USER,
      stdin: here.child.stdout.pipe(counter(moved)),
    }),
    there,
    here,
  );
}

/** Brings entries of the machine's folder into an empty folder, which gets them below the name of the machine's. */
export async function fetch(
  transport: Transport,
  from: string,
  into: string,
  paths: readonly string[],
  moved?: (bytes: number) => void,
): Promise<CopyReport> {
  const here = endHere(["receive", into, posix.basename(from), `${MOST_BROUGHT}`]);
  const there = new ReportReader();
  const packed = counter(moved);
  packed.pipe(here.child.stdin);
  const sent = transport
    .exec([...python("copy_end.py"), "pick", from], {
      stdout: packed,
      stderr: there,
      user: USER,
      stdin: Readable.from([namesOf(paths)]),
    })
    .finally(() => packed.end());
  return await both(sent, there, here);
}

/** Deletes entries of the machine's folder, in this order. */
export async function deleteThere(transport: Transport, folder: string, paths: readonly string[]): Promise<CopyReport> {
  const report = new ReportReader();
  const code = await transport.exec([...python("copy_end.py"), "delete", folder], {
    stdout: nowhere(),
    stderr: report,
    user: USER,
    stdin: Readable.from([namesOf(paths)]),
  });
  report.end();
  const failure = failureOf([{ report, code, where: "on the machine" }]);
  if (failure !== undefined) throw failure;
  return reportOf([report]);
}

/** Carries steps out in a folder of this computer. @returns the numbers of those that were carried out, and the rest */
export async function applyHere(
  folder: string,
  plan: Plan,
): Promise<{ readonly done: ReadonlySet<number>; readonly report: CopyReport }> {
  const here = endHere(["apply", folder]);
  here.child.stdin.end(JSON.stringify(plan));
  let text = "";
  here.child.stdout.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  const code = await here.exited;
  const failure = failureOf([{ report: here.report, code, where: "on this computer" }]);
  if (failure !== undefined) throw failure;
  return { done: new Set(text.split("\n").filter(Boolean).map(Number)), report: reportOf([here.report]) };
}

/** Removes a folder of this computer that holds what a session made. @throws OperatorError when something stays */
export async function removeHere(path: string): Promise<void> {
  if (!(await lstat(path).catch(() => undefined))) return;
  const here = endHere(["remove", path]);
  here.child.stdin.end();
  const failure = failureOf([{ report: here.report, code: await here.exited, where: "on this computer" }]);
  if (failure !== undefined) throw failure;
}

const namesOf = (paths: readonly string[]): Buffer => Buffer.from(paths.join("\0"), "latin1");

function listed(
  entries: Listing | Error,
  ends: readonly { readonly report: ReportReader; readonly code: number; readonly where: string }[],
): Listed {
  const failure = failureOf(ends);
  if (failure !== undefined) throw failure;
  if (entries instanceof Error) {
    const where = ends.map(({ where: one }) => one).join(" and ");
    throw new OperatorError(`the list of files ${where} cannot be read: ${entries.message}. Sync again.`, {
      code: "CLOISTER_E_SYNC_LIST",
    });
  }
  return { entries, report: reportOf(ends.map(({ report }) => report)) };
}

/** Reads a listing to its end. An error is a result: the end's own words about it are better. */
async function entriesOf(packed: Readable): Promise<Listing | Error> {
  const listing = new ListingReader();
  const records = new RecordReader();
  try {
    const unpacked = packed.pipe(createInflate());
    packed.once("error", (error) => unpacked.destroy(error));
    for await (const data of unpacked) for (const one of records.read(data as Buffer)) listing.take(one);
    return listing.end();
  } catch (error) {
    packed.resume();
    return error as Error;
  }
}
