import { rename, rm, writeFile } from "node:fs/promises";

/**
 * Writes a small file atomically: a reader finds either the former file or all of the new one.
 *
 * @param mode of the new file, less the process's umask
 */
export async function writeFileAtomic(path: string, text: string, mode = 0o644): Promise<void> {
  // Remove the file that a killed writer may have left: its mode may differ.
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
