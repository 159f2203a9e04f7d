import { sha256 } from "../../lib/store.ts";
import { debianKey } from "./debian/recipe.ts";
import type { Arch, BaseImageChoice } from "./types.ts";
import { ubuntuKey } from "./ubuntu/release.ts";

/**
 * Digest of everything that decides which base image a machine gets, without asking the network: used as a trigger, so
 * that a root disk is made anew when what it was made from changes here.
 */
export function baseImageKey({ arch, choice }: { arch: Arch; choice: BaseImageChoice }): string {
  const keys = [
    ...(choice === "debian-13-stand-in" ? [] : [ubuntuKey(arch)]),
    ...(choice === "ubuntu-22.04" ? [] : [debianKey(arch)]),
  ];
  return sha256([arch, choice, ...keys].join(" "));
}
