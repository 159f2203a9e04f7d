import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "../lib/store.ts";
import { folderOf } from "./locks.ts";

/**
 * Removes metadata that a run killed while it wrote it left half-written in a file backend. Pulumi keeps it in `NAME.attrs`
 * beside each file, writes it in place, and reads no file whose metadata it cannot read: "failed to load checkpoint: EOF".
 * Nothing in it is needed (gocloud.dev/blob/fileblob: content type and checksum).
 *
 * @param backendUrl as in PULUMI_BACKEND_URL; other backends than files are left alone
 */
export async function removeTornMetadata(backendUrl: string, report: Report): Promise<void> {
  const folder = folderOf(backendUrl);
  if (!folder) return;
  const names = await readdir(join(folder, ".pulumi"), { recursive: true }).catch(() => []);
  for (const name of names.filter((file) => file.endsWith(".attrs"))) {
    const file = join(folder, ".pulumi", name);
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined || isJson(text)) continue;
    await rm(file, { force: true });
    report(`half-written metadata of a run that was killed is removed: ${file}`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
