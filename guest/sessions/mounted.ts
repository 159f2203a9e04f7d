import { readFile } from "node:fs/promises";

/** Mount points at or below a folder, deepest first, as /proc/self/mountinfo has them (proc(5)). */
export function mountsBelow(mountinfo: string, folder: string): string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => {
      const point = line.split(" ")[4];
      return point === undefined ? [] : [unescapeMount(point)];
    })
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .sort((a, b) => b.split("/").length - a.split("/").length);
}

export async function currentMountsBelow(folder: string): Promise<string[]> {
  return mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), folder);
}

/** Spaces, tabs, line ends and backslashes are written as octal numbers there. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
