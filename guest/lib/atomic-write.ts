import { rename, rm, writeFile } from "node:fs/promises";

/**
 * Writes a small file so that whoever reads it finds the former one or all of the new one.
 *
 * @param mode of the new file, less the process's umask
 */
export async function writeFileAtomic(path: string, text: string, mode = 0o644): Promise<void> {
  // One that a killed writer left may have another mode.
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
