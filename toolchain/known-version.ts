import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { sha256 } from "../lib/store.ts";

/** First bytes of executables: ELF, and Mach-O of one and of several architectures. */
const NATIVE = ["7f454c46", "cffaedfe", "cafebabe"];

/**
 * The version of an executable, asked once and then remembered: asking takes Pulumi a sixth of a second.
 *
 * A script, or a link to another program, may answer differently each time (version managers work so): it is asked each
 * time. So is an executable that is another file by now, or was written to, and one that looks like a version manager's own
 * under Pulumi's name: in a folder of such, or without Pulumi's other programs beside it.
 *
 * @param file the executable's real path
 * @param root folder of the cache
 * @param ask runs the executable; an empty answer is not remembered
 */
export async function knownVersion(file: string, root: string, ask: () => Promise<string>): Promise<string> {
  if (basename(file) !== "pulumi" || isShim(file) || !(await isNative(file)) || !(await hasLanguages(file)))
    return await ask();
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  const folder = join(root, "pulumi-version");
  const known = join(folder, sha256([file, dev, ino, size, mtimeNs, ctimeNs].join("\n")));
  const remembered = await readFile(known, "utf8").catch(() => "");
  // Half a file, or another one's: no version.
  if (/^v?\d+\.\d+\.\d+[^\s]*\n$/.test(remembered)) return remembered.trim();
  const version = (await ask()).trim();
  if (version !== "") await remember(folder, known, `${version}\n`);
  return version;
}

const isShim = (file: string): boolean => dirname(file).split(sep).includes("shims");

async function hasLanguages(file: string): Promise<boolean> {
  const found = await stat(join(dirname(file), "pulumi-language-nodejs")).catch(() => undefined);
  return found?.isFile() ?? false;
}

async function isNative(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer } = await handle.read({ buffer: Buffer.alloc(4) });
    return NATIVE.includes(buffer.toString("hex"));
  } finally {
    await handle.close();
  }
}

/** The file appears whole or not at all. A cache that cannot be written is no reason to fail. */
async function remember(folder: string, file: string, text: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const temporary = `${file}.${randomUUID()}`;
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch {
    // As said.
  }
}
