import { rename, writeFile } from "node:fs/promises";

/**
 * Writes a small file so that whoever reads it finds the former one or all of the new one.
 *
 * @param mode of the new file, less the process's umask
 */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
