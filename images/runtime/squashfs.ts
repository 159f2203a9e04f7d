import { execa } from "execa";

/**
 * Modification time of everything in the image, in seconds since 1970: 1 January 2026, so that nothing depends on when
 * it was made.
 */
export const IMAGE_TIME = 1_767_225_600;

/** zstd level 6: measured as a third of the time of level 15 for 3 % more bytes. */
export const ZSTD_LEVEL = 6;

/** mksquashfs's arguments. It sorts names itself and writes the same bytes on any number of processors since 4.4. */
export function squashfsArguments(tree: string, output: string): string[] {
  return [
    tree,
    output,
    "-comp",
    "zstd",
    "-Xcompression-level",
    String(ZSTD_LEVEL),
    "-b",
    "131072",
    "-all-root",
    "-no-xattrs",
    "-no-exports",
    "-mkfs-time",
    String(IMAGE_TIME),
    "-all-time",
    String(IMAGE_TIME),
    "-noappend",
    "-no-progress",
    "-quiet",
  ];
}

/** The version of mksquashfs, such as `4.5.1`, or undefined when there is none. */
export async function squashfsVersion(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const result = await execa("mksquashfs", ["-version"], { env, reject: false, stdin: "ignore" });
  return /mksquashfs version (\S+)/.exec(result.stdout ?? "")?.[1];
}

export const SQUASHFS_MISSING =
  "mksquashfs is needed to pack the runtime image and is not on PATH. Install squashfs-tools " +
  "(Debian and Ubuntu: sudo apt-get install squashfs-tools; macOS: brew install squashfs), then run the same command again.";

/** Packs a folder into a squashfs file. */
export async function packSquashfs(tree: string, output: string): Promise<void> {
  const result = await execa("mksquashfs", squashfsArguments(tree, output), {
    // With it set, mksquashfs refuses the times given by option.
    env: { SOURCE_DATE_EPOCH: undefined },
    reject: false,
    stdin: "ignore",
    all: true,
  });
  if (result.failed) throw new Error(`mksquashfs failed: ${result.all?.trim() || result.shortMessage}`);
}
