import { sha256 } from "../../lib/store.ts";
import { debianKey } from "./debian/recipe.ts";
import { isStandIn, RELEASES } from "./debian/releases.ts";
import type { Arch, BaseImageChoice } from "./types.ts";
import { UBUNTU, ubuntuKey } from "./ubuntu/release.ts";

/**
 * Digest of everything that decides which base image a machine gets, without asking the network: used as a trigger, so
 * that a root disk is made anew when what it was made from changes here.
 */
export function baseImageKey({ arch, choice }: { arch: Arch; choice: BaseImageChoice }): string {
  const keys =
    choice === "auto"
      ? [ubuntuKey(arch), debianKey(arch)]
      : [isStandIn(choice) ? debianKey(arch, RELEASES[choice]) : ubuntuKey(arch, UBUNTU[choice])];
  return sha256([arch, choice, ...keys].join(" "));
}
