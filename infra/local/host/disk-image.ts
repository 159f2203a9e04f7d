import { execa } from "execa";

/** Size of a disk image as its machine sees it, in GiB (qemu-img(1); `-U` because a running machine may hold it). */
export async function virtualSizeGiB(path: string): Promise<number> {
  const { stdout } = await execa("qemu-img", ["info", "-U", "--output=json", path]);
  return (JSON.parse(stdout) as { "virtual-size": number })["virtual-size"] / 2 ** 30;
}
