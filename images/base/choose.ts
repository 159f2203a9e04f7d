import type { BaseImageChoice, BaseImageName } from "./types.ts";

/** Facts that are known before anything is fetched or built. */
export interface Findings {
  readonly choice: BaseImageChoice;
  /** Images that the cache holds already for this architecture. */
  readonly cached: { readonly ubuntu: boolean; readonly standIn: boolean };
  /** True when Ubuntu's host answers; asked only when it matters. */
  readonly reachable: () => Promise<boolean>;
}

export interface Chosen {
  readonly name: BaseImageName;
  /** Part of a sentence: why this one. */
  readonly why: string;
}

/**
 * Chooses the image. What the cache holds is used without asking the network, so that a network which comes and goes does
 * not replace machines: once the stand-in is there, `auto` keeps it until its recipe changes.
 */
export async function choose({ choice, cached, reachable }: Findings): Promise<Chosen> {
  if (choice !== "auto") return { name: choice, why: "as configured" };
  if (cached.ubuntu) return { name: "ubuntu-22.04", why: "it is in the cache" };
  if (cached.standIn) {
    return {
      name: "debian-13-stand-in",
      why: 'an earlier run built it because Ubuntu\'s host could not be reached (set baseImage to "ubuntu-22.04" to try again)',
    };
  }
  if (await reachable()) return { name: "ubuntu-22.04", why: "its host answers" };
  return { name: "debian-13-stand-in", why: "Ubuntu's host cannot be reached" };
}
