import { basename, posix } from "node:path";
import { checkMountName, FOLDERS } from "../../guest/sessions/mounts.ts";
import { describeReport } from "../copy/report.ts";
import { LISTED, shown, textOf } from "../copy/text.ts";
import { UsageError } from "../errors.ts";
import { showProgress } from "../progress.ts";
import type { Told } from "../sync/plan.ts";
import { folderHere, type SyncOptions, type SyncReport, sync as syncFolders } from "../sync.ts";
import { type Chosen, type Reached, reach } from "./chosen.ts";

/** Exit code of a sync that left something as it was, said so, and is complete otherwise. */
export const LEFT_OUT = 3;

/** Options of `cloister sync` as commander gives them. */
export interface SyncCommandOptions {
  readonly to?: string;
  readonly prefer?: string;
  readonly bring?: readonly string[];
  readonly exclude?: readonly string[];
  readonly dryRun?: boolean;
}

type SyncSettings = Pick<SyncOptions, "dryRun" | "prefer" | "bring" | "exclude">;

/** A folder of this computer, and the name of its copy on the machine. */
export interface SyncedFolder {
  /** Real path on this computer. */
  readonly here: string;
  /** Name below `/sessions/folders`, and of the mount. */
  readonly name: string;
  /** Path on the machine. */
  readonly there: string;
}

/** `cloister sync`. @returns 0, or 3 when something stays different on both sides */
export async function syncCommand(
  chosen: () => Chosen,
  folder: string,
  { to, prefer, dryRun = false, bring = [], exclude = [] }: SyncCommandOptions,
): Promise<number> {
  const side = prefer === "here" || prefer === "machine" ? prefer : undefined;
  if (prefer !== side) throw new UsageError(`--prefer ${JSON.stringify(prefer)}: write here or machine.`);
  const synced = await syncedFolder(folder, to);
  const reached = await reach(chosen());
  const options: SyncSettings = { dryRun, bring, exclude, ...(side === undefined ? {} : { prefer: side }) };
  const code = await syncReached(reached, synced, options);
  if (!dryRun) say(`to work on it in a session: --mount ${synced.there}:${synced.name}:rwd --cwd mnt/${synced.name}`);
  return code;
}

/** Names a folder's copy on the machine. @throws UsageError when it cannot have that name */
export async function syncedFolder(folder: string, name?: string): Promise<SyncedFolder> {
  const here = await folderHere(folder);
  const chosen = name ?? basename(here);
  const wrong = checkMountName(chosen);
  if (wrong !== undefined)
    throw new UsageError(`${name === undefined ? "" : "--to: "}${wrong}. Name it with --to NAME.`);
  return { here, name: chosen, there: posix.join(FOLDERS, chosen) };
}

/** Syncs over a transport that is there, and tells what happened. @returns an exit code as of {@link syncCommand} */
export async function syncReached(
  reached: Pick<Reached, "transport" | "stack" | "machine">,
  folder: SyncedFolder,
  options: SyncSettings = {},
): Promise<number> {
  const { plan, left } = await syncAndTell(reached, folder, options);
  const out = left.reduce((sum, one) => sum + one.left.count, 0);
  return plan.conflicts.length + plan.protectedPaths.length + out > 0 ? LEFT_OUT : 0;
}

/** The same. @returns what happened */
export async function syncAndTell(
  { transport, stack, machine }: Pick<Reached, "transport" | "stack" | "machine">,
  { here, there }: SyncedFolder,
  options: SyncSettings = {},
): Promise<SyncReport> {
  const progress = showProgress(here);
  try {
    const pair = { folder: here, stack: stack.name, machine: machine.name, there };
    const report = await syncFolders(transport, pair, { ...options, moved: progress.moved });
    progress.end();
    for (const line of describeSync(report, here, options.dryRun ?? false)) say(line);
    return report;
  } finally {
    progress.end();
  }
}

/** Describes a sync in lines that are safe for a terminal: a session chose most names. */
export function describeSync(report: SyncReport, folder: string, dryRun: boolean): string[] {
  const { plan, brought, deletedHere, aside, left } = report;
  const back = dryRun ? plan.bring : brought;
  const gone = dryRun ? plan.deleteHere : deletedHere;
  const count = (n: number, what: string): string => `${n} ${what}`;
  const sum = [
    count(plan.send.length, "to the machine"),
    count(plan.deleteThere.length, "deleted there"),
    count(back.length, "brought back"),
    count(gone.length, "deleted here"),
  ];
  return [
    `${dryRun ? "would be: " : ""}${sum.join(", ")}`,
    ...list("brought back", back.map(plainly)),
    ...list("deleted here", gone.map(plainly)),
    ...(aside === undefined
      ? []
      : [`files that were replaced or deleted here are kept for three syncs in ${shown(aside)}`]),
    ...list(
      "not brought back, programs here would obey it (cloister sync: --bring PATH, or --prefer here)",
      plan.protectedPaths.map(withWhy),
    ),
    ...list("conflicts, both sides stay as they are", plan.conflicts.map(withWhy)),
    ...(plan.conflicts.length === 0
      ? []
      : [`to settle them: cloister sync ${quoted(folder)} --prefer here, or --prefer machine`]),
    ...left.flatMap(describeReport),
  ];
}

function list(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > LISTED ? [`  and ${items.length - LISTED} more`] : [];
  return [`${what}: ${items.length}`, ...items.slice(0, LISTED).map((item) => `  ${item}`), ...more];
}

const plainly = (path: string): string => shown(textOf(Buffer.from(path, "latin1")));
const withWhy = ({ path, why }: Told): string => `${plainly(path)}: ${why}`;
const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${shown(text)}'`);

function say(line: string): void {
  process.stderr.write(`cloister: ${line}\n`);
}
