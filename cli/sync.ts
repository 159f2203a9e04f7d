import { mkdir, readFile, realpath, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { homeFolder } from "../lib/home.cjs";
import type { Expected, Step } from "./copy/apply.ts";
import type { CopyReport } from "./copy/report.ts";
import { shown } from "./copy/text.ts";
import { OperatorError, UsageError } from "./errors.ts";
import {
  applyHere,
  deleteThere,
  fetch,
  type Listed,
  listHere,
  listThere,
  MOST_BROUGHT,
  push,
  removeHere,
} from "./sync/ends.ts";
import { excluding, IGNORE_FILE, readPatterns } from "./sync/exclude.ts";
import { ledByGit } from "./sync/led-by-git.ts";
import { type Entry, type Listing, textOfEntry } from "./sync/listing.ts";
import { type Base, type Prefer, planSync, type SyncPlan } from "./sync/plan.ts";
import { type Pair, PairState } from "./sync/state.ts";
import type { Transport } from "./transport.ts";

/** Options of a sync. */
export interface SyncOptions {
  /** Settles conflicts. @default none: they are told, and nothing happens to them */
  readonly prefer?: Prefer;
  /** Paths below the folder that are brought back although programs obey them. */
  readonly bring?: readonly string[];
  /** Patterns of what is not copied, besides those in the folder's `.cloisterignore`. */
  readonly exclude?: readonly string[];
  /** Only says what would happen. @default false */
  readonly dryRun?: boolean;
  /** Gets the number of bytes that were moved, compressed. */
  readonly moved?: (bytes: number) => void;
  /** The folder of this command's state. @default a folder in the user's home */
  readonly state?: string;
}

/** The findings of a sync. */
export interface SyncReport {
  readonly plan: SyncPlan;
  /** Paths that were brought back. */
  readonly brought: readonly string[];
  readonly deletedHere: readonly string[];
  /** The folder with the files that were replaced or deleted here; absent when there are none. */
  readonly aside?: string;
  /** The folder with the machine's version of conflicting files; absent when there are none. */
  readonly left: readonly CopyReport[];
}

/**
 * Makes a folder of this computer and one of a machine the same: each side's changes since the last sync go to the other
 * side. A file that has changed on both sides stays as it is on both, and is told. Nothing here is touched before all
 * that comes from the machine has arrived.
 *
 * @throws OperatorError when a side cannot be read or written, or when another sync of this pair runs. What was done is
 * complete, file by file, and the sync can be repeated
 */
export async function sync(transport: Transport, pair: Pair, options: SyncOptions = {}): Promise<SyncReport> {
  const state = new PairState(pair, options.state);
  return await state.alone(async () => await exchange(transport, pair, state, options));
}

async function exchange(
  transport: Transport,
  { folder, there: path }: Pair,
  state: PairState,
  options: SyncOptions,
): Promise<SyncReport> {
  const skip = excluding([...(await ignored(folder)), ...(options.exclude ?? [])]);
  const [here, found] = await Promise.all([listHere(folder, skip), listThere(transport, path, skip)]);
  const there: Listed = found ?? { entries: new Map(), report: NOTHING };
  const base = known(await state.base(), skip, there.entries);
  const plan = planSync(base, here.entries, there.entries, {
    ...(options.prefer === undefined ? {} : { prefer: options.prefer }),
    ...(options.bring === undefined ? {} : { bring: options.bring }),
    folder,
    led: await ledByGit(folder, here.entries),
  });
  const left = [here.report, there.report];
  if (options.dryRun) return { plan, brought: [], deletedHere: [], left };
  mustFit(plan.bring, there.entries);
  const next = new Map(base);
  for (const one of plan.same) note(next, one, here.entries.get(one));
  const brought = await bringBack(transport, { folder, path, state, plan, here, there, moved: options.moved });
  for (const { path: one, act } of brought.done) note(next, one, act === "put" ? there.entries.get(one) : undefined);
  left.push(...brought.left);
  if (plan.deleteThere.length > 0) left.push(await deleteThere(transport, path, plan.deleteThere));
  if (plan.send.length > 0 || found === undefined) {
    const to = { folder: posix.dirname(path), name: posix.basename(path) };
    left.push(await push(transport, folder, to, plan.send, options.moved));
  }
  // When an end has left something out, it names only the first ones: the machine is asked for all.
  const sure = left.slice(2).every(({ left: out }) => out.count === 0);
  const now = sure ? here.entries : ((await listThere(transport, path, skip))?.entries ?? new Map());
  for (const one of [...plan.send, ...plan.deleteThere]) {
    const [mine, theirs] = [here.entries.get(one), now.get(one)];
    if (sure || same(mine, theirs)) note(next, one, mine);
  }
  await state.setBase(next);
  return {
    plan,
    brought: brought.done.flatMap(({ path: one, act }) => (act === "put" ? [one] : [])),
    deletedHere: brought.done.flatMap(({ path: one, act }) => (act === "remove" ? [one] : [])),
    ...(brought.aside === undefined ? {} : { aside: brought.aside }),
    left,
  };
}

async function bringBack(
  transport: Transport,
  {
    folder,
    path,
    state,
    plan,
    here,
    there,
    moved,
  }: {
    readonly folder: string;
    readonly path: string;
    readonly state: PairState;
    readonly plan: SyncPlan;
    readonly here: Listed;
    readonly there: Listed;
    readonly moved: SyncOptions["moved"];
  },
): Promise<{ readonly done: readonly Step[]; readonly aside?: string; readonly left: readonly CopyReport[] }> {
  if (plan.bring.length === 0 && plan.deleteHere.length === 0) return { done: [], left: [] };
  const left: CopyReport[] = [];
  await removeHere(state.staging);
  await mkdir(state.staging, { mode: 0o700 });
  if (plan.bring.length > 0) left.push(await fetch(transport, path, state.staging, plan.bring, moved));
  // The listing was the machine's word. The staged tree is what came: a link that leads out did not, for example.
  const staged =
    plan.bring.length === 0 ? new Map() : (await listHere(join(state.staging, posix.basename(path)), "")).entries;
  const steps: Step[] = [
    ...plan.deleteHere.map((one): Step => ({ path: one, act: "remove", expected: expectedOf(here.entries.get(one)) })),
    ...plan.bring.flatMap((one): Step[] => {
      const came = staged.get(one);
      if (came?.kind !== there.entries.get(one)?.kind) return [];
      return [{ path: one, act: "put", expected: expectedOf(here.entries.get(one)) }];
    }),
  ];
  const aside = await state.aside();
  const { done, report } = await applyHere(folder, { staged: join(state.staging, posix.basename(path)), aside, steps });
  left.push(report);
  const carriedOut = steps.filter((_, number) => done.has(number));
  const replaced = carriedOut.some(({ expected }) => expected !== null && expected.kind !== "d");
  if (!replaced) await removeHere(aside);
  return { done: carriedOut, ...(replaced ? { aside } : {}), left };
}

const NOTHING: CopyReport = { left: { first: [], count: 0 }, notes: { first: [], count: 0 } };

async function ignored(folder: string): Promise<string[]> {
  return readPatterns(await readFile(join(folder, IGNORE_FILE), "utf8").catch(() => ""));
}

/**
 * The base without what is excluded now. When nothing of it is left on the machine, the folder there is another one, of
 * a machine that was replaced for example: it must not look as if a session had deleted everything.
 */
function known(base: Base, skip: string, there: Listing): Base {
  const excluded = new RegExp(skip);
  const kept = [...base].filter(([path]) => !excluded.test(path));
  return new Map(kept.some(([path]) => there.has(path)) ? kept : []);
}

function mustFit(paths: readonly string[], there: Listing): void {
  const size = paths.reduce((sum, path) => {
    const entry = there.get(path);
    return entry?.kind === "f" ? sum + entry.size : sum;
  }, 0n);
  if (size <= BigInt(MOST_BROUGHT)) return;
  throw new OperatorError(
    `the folder on the machine has ${size / 2n ** 20n} MiB of changes, more than ${MOST_BROUGHT / 2 ** 20} MiB: exclude some of it, or delete it there.`,
    { code: "CLOISTER_E_SYNC_SIZE" },
  );
}

function expectedOf(entry: Entry | undefined): Expected {
  if (entry === undefined || entry.kind === "?") return null;
  if (entry.kind === "f") return { kind: "f", size: `${entry.size}`, mtime: `${entry.mtime}` };
  return entry;
}

function note(base: Map<string, string>, path: string, entry: Entry | undefined): void {
  if (entry === undefined) base.delete(path);
  else base.set(path, textOfEntry(entry));
}

function same(one: Entry | undefined, other: Entry | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return textOfEntry(one) === textOfEntry(other);
}

/**
 * Finds the folder that is meant.
 *
 * @param home the user's home. It has keys, and a session would get them all
 * @returns its real path: two ways to one folder are one folder
 * @throws UsageError when it is no folder, the whole disk, or the home or a folder that holds it
 */
export async function folderHere(path: string, home: string = homeFolder()): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !(await stat(real)).isDirectory()) {
    throw new UsageError(`there is no folder ${shown(path)} on this computer.`);
  }
  const realHome = await realpath(home).catch(() => home);
  if (real !== "/" && `${realHome}/`.startsWith(`${real}/`)) {
    throw new UsageError(
      `${shown(real)} ${real === realHome ? "is" : "holds"} your home, with your keys: name a folder in it.`,
    );
  }
  if (real === "/") throw new UsageError("the whole of this computer's disk is not copied: name a folder.");
  return real;
}
