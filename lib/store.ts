import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import lockfile from "proper-lockfile";
import { cacheRoot } from "./cache-root.cjs";

export { cacheRoot };

/** Receives one plain line of progress, without a trailing newline. */
export type Report = (line: string) => void;

/** One finished entry of the store. Its files must not be changed. */
export interface StoreEntry {
  /** Absolute path of the entry's folder. */
  readonly path: string;
  /** True when the entry was already there and intact; false when this call made it. */
  readonly hit: boolean;
}

interface Manifest {
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

/** SHA-256 of a string or buffer, in lower-case hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

const PIECE_BYTES = 1 << 20;

/** SHA-256 of a file's contents, in lower-case hexadecimal. A large one is read in pieces. */
export async function sha256File(path: string): Promise<string> {
  // Entries have thousands of small files. A stream takes the memory of a whole piece for each of them.
  if ((await stat(path)).size < PIECE_BYTES) return sha256(await readFile(path));
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: PIECE_BYTES }), hash);
  return hash.digest("hex");
}

/**
 * A cache of folders, each named by the digest of what it was made from (its key). Entries appear whole or not at all
 * (built aside, then renamed), are checked against their manifest before use, and are rebuilt when damaged. Any number
 * of processes may use one store at once: an entry is built by one of them while the others wait.
 */
export class Store {
  readonly root: string;

  constructor(root: string = cacheRoot()) {
    this.root = root;
  }

  /** The folder of the entry of this kind and key, existing or not. */
  pathOf(kind: string, key: string): string {
    return join(this.root, kind, key);
  }

  /**
   * Says what a call of {@link entry} would find: `absent`, `intact` or `damaged`. With `deep` (the default) every byte
   * is read and hashed; without, only names and sizes are compared.
   */
  async check(kind: string, key: string, deep = true): Promise<"absent" | "intact" | "damaged"> {
    const dir = this.pathOf(kind, key);
    let manifest: Manifest;
    try {
      manifest = JSON.parse(await readFile(join(dir, MANIFEST), "utf8")) as Manifest;
    } catch {
      return (await exists(dir)) ? "damaged" : "absent";
    }
    const files = await listFiles(dir);
    if (files.length !== Object.keys(manifest.files).length) return "damaged";
    for (const file of files) {
      const want = manifest.files[file];
      const path = join(dir, file);
      if (!want || (await stat(path)).size !== want.size) return "damaged";
      if (deep && (await sha256File(path)) !== want.sha256) return "damaged";
    }
    return "intact";
  }

  /**
   * Finds the entry, or makes it by calling `build` with an empty folder to fill.
   *
   * @param kind names the sort of entry (`toolchain`, `base-image`, ...): a folder of the store
   * @param key digest of everything the content depends on (hexadecimal)
   * @param build fills the folder; what it throws is thrown on, and nothing is kept
   * @param options `deep: false` compares sizes only; `report` hears of waiting and of damage
   */
  async entry(
    kind: string,
    key: string,
    build: (dir: string) => Promise<void>,
    options: { deep?: boolean; report?: Report } = {},
  ): Promise<StoreEntry> {
    const { deep = true, report = () => {} } = options;
    const path = this.pathOf(kind, key);
    if ((await this.check(kind, key, deep)) === "intact") return { path, hit: true };
    return await this.locked(kind, key, report, async () => {
      const state = await this.check(kind, key, deep);
      if (state === "intact") return { path, hit: true };
      if (state === "damaged") {
        report(`the cached ${kind} ${key.slice(0, 12)} is damaged: making it again`);
        await rm(path, { recursive: true, force: true });
      }
      const prefix = `.build-${key.slice(0, 12)}-`;
      // We hold the lock, so whatever else is being built under this key was left by a process that was killed.
      for (const name of await readdir(join(this.root, kind))) {
        if (name.startsWith(prefix)) await rm(join(this.root, kind, name), { recursive: true, force: true });
      }
      const work = await mkdtemp(join(this.root, kind, prefix));
      try {
        await build(work);
        await writeFile(join(work, MANIFEST), JSON.stringify(await manifestOf(work)));
        await rename(work, path);
      } catch (error) {
        await rm(work, { recursive: true, force: true });
        throw error;
      }
      return { path, hit: false };
    });
  }

  /**
   * Runs `action` while no other process holds the same lock. The lock of a process that died is taken over after
   * 10 seconds (proper-lockfile's `stale`).
   */
  async locked<T>(kind: string, key: string, report: Report, action: () => Promise<T>): Promise<T> {
    const dir = join(this.root, kind);
    await mkdir(dir, { recursive: true });
    const options = {
      lockfilePath: join(dir, `.${key}.lock`),
      realpath: false,
      stale: 10_000,
      update: 2_500,
      onCompromised: (error: Error) => report(`lock of ${kind} ${key.slice(0, 12)}: ${error.message}`),
    };
    const release = await lockfile.lock(dir, options).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ELOCKED") throw error;
      report(`waiting for another run that makes ${kind} ${key.slice(0, 12)}`);
      return await lockfile.lock(dir, { ...options, retries: { forever: true, minTimeout: 250, maxTimeout: 1_000 } });
    });
    try {
      return await action();
    } finally {
      await release().catch(() => {});
    }
  }
}

const MANIFEST = ".manifest.json";

async function manifestOf(dir: string): Promise<Manifest> {
  const files: Record<string, { size: number; sha256: string }> = {};
  for (const file of await listFiles(dir)) {
    const path = join(dir, file);
    files[file] = { size: (await stat(path)).size, sha256: await sha256File(path) };
  }
  return { files };
}

async function listFiles(dir: string): Promise<string[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map((entry) => relative(dir, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
