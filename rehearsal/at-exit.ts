import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const left = new Set<() => void>();
process.once("exit", () => {
  for (const end of left) {
    try {
      end();
    } catch {
      // The others are ended all the same.
    }
  }
});

/**
 * Has something ended when this process exits before that was done, as at a second Ctrl-C.
 *
 * @param end must not wait for anything
 * @returns call it when that is done
 */
export function atExit(end: () => void): () => void {
  left.add(end);
  return () => void left.delete(end);
}

/** A temporary folder of this process. */
export interface OwnFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a folder, which goes when it is removed, and when this process exits. */
export async function ownFolder(prefix: string): Promise<OwnFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const done = atExit(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      done();
    },
  };
}
