import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { z } from "zod";
import { homeFolder } from "../../lib/home.cjs";
import { sha256 } from "../../lib/store.ts";
import { OperatorError } from "../errors.ts";
import { removeHere } from "./ends.ts";
import type { Base } from "./plan.ts";

const Kept = z.strictObject({
  version: z.literal(1),
  folder: z.string(),
  there: z.string(),
  base: z.record(z.string(), z.string()),
});

/** Syncs whose replaced files are kept aside. */
const ASIDE_KEPT = 3;

/** A pair of folders that are synced: one here, one on a machine. */
export interface Pair {
  /** Real path of the folder on this computer. */
  readonly folder: string;
  readonly stack: string;
  readonly machine: string;
  /** Path of the folder on the machine. */
  readonly there: string;
}

/** What is known of a pair: in a folder that only this user can read. */
export class PairState {
  readonly #root: string;
  readonly #pair: Pair;

  constructor(pair: Pair, root: string = stateRoot()) {
    this.#pair = pair;
    this.#root = join(root, sha256(JSON.stringify([pair.folder, pair.stack, pair.machine, pair.there])).slice(0, 16));
  }

  /** Does something while no other sync of this pair runs. @throws OperatorError when one does */
  async alone<T>(act: () => Promise<T>): Promise<T> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    const release = await lock(this.#root, { stale: 60_000 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ELOCKED") throw error;
      throw new OperatorError(`another sync of ${this.#pair.folder} runs: wait for its end.`, {
        code: "CLOISTER_E_SYNC_RUNS",
      });
    });
    try {
      return await act();
    } finally {
      await removeHere(this.staging).finally(release);
    }
  }

  /** The folder for what comes from the machine, until it is in its place. */
  get staging(): string {
    return join(this.#root, "staging");
  }

  async base(): Promise<Base> {
    const text = await readFile(join(this.#root, "base.json"), "utf8").catch(() => "");
    const parsed = text === "" ? undefined : Kept.safeParse(safeJson(text));
    return new Map(Object.entries(parsed?.success ? parsed.data.base : {}));
  }

  async setBase(base: Base): Promise<void> {
    const { folder, there } = this.#pair;
    const text = JSON.stringify({ version: 1, folder, there, base: Object.fromEntries(base) });
    await writeFile(join(this.#root, "base.json.new"), text, { mode: 0o600 });
    await rename(join(this.#root, "base.json.new"), join(this.#root, "base.json"));
  }

  /** A new folder for files that this sync replaces or removes; those of the last syncs stay, older ones go. */
  async aside(now = new Date()): Promise<string> {
    const root = join(this.#root, "aside");
    await mkdir(root, { recursive: true, mode: 0o700 });
    const older = (await readdir(root)).sort();
    for (const name of older.slice(0, Math.max(0, older.length - ASIDE_KEPT + 1))) await removeHere(join(root, name));
    const folder = join(root, now.toISOString().replace(/[:.]/g, "-"));
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }
}

/** The folder for state of this user's that no package manager or cache cleaner removes. */
function stateRoot(): string {
  const xdg = process.env["XDG_STATE_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(homeFolder(), ".local", "state"), "cloister", "sync");
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
