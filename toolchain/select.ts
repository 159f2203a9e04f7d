import semver from "semver";
import { pulumiRange } from "./versions.ts";

/** Facts about the surroundings, known before anything is fetched or built. */
export interface Findings {
  /** The `pulumi` on PATH, if there is one. */
  readonly onPath?: { readonly path: string; readonly version: string; readonly languageHost: string | undefined };
  /** Entries that the store holds already. */
  readonly stored: { readonly release: boolean; readonly built: boolean };
  /** True when there is an official release for this platform and processor. */
  readonly released: boolean;
  /** True when the release host answers; asked only when it matters. */
  readonly reachable: () => Promise<boolean>;
}

export interface Choice {
  readonly kind: "path" | "release" | "built";
  /** One sentence: why this way. */
  readonly why: string;
}

/**
 * Chooses where Pulumi comes from: a fitting one on PATH; else the official release, stored or downloaded; else, where
 * its host cannot be reached, one built from Go modules. What the store holds is used without asking the network again.
 */
export async function choose(findings: Findings): Promise<Choice> {
  const { onPath, stored, released } = findings;
  const unfit = onPath ? unfitBecause(onPath) : "there is no pulumi on PATH";
  if (onPath && !unfit) return { kind: "path", why: `pulumi ${onPath.version} on PATH fits (${onPath.path})` };
  if (stored.release) return { kind: "release", why: `${unfit}; the official release is in the cache` };
  if (stored.built) {
    return {
      kind: "built",
      why: `${unfit}; an earlier run built it from Go modules because its download host was out of reach`,
    };
  }
  if (!released) return { kind: "built", why: `${unfit}; there is no official release for this platform` };
  if (await findings.reachable()) return { kind: "release", why: `${unfit}; its download host answers` };
  return { kind: "built", why: `${unfit}; its download host cannot be reached` };
}

function unfitBecause(onPath: NonNullable<Findings["onPath"]>): string {
  const { path, version, languageHost } = onPath;
  if (!semver.satisfies(version, pulumiRange, { includePrerelease: true })) {
    return `pulumi ${version || "of unknown version"} on PATH (${path}) is not ${pulumiRange}`;
  }
  return languageHost ? "" : `pulumi on PATH (${path}) has no pulumi-language-nodejs beside it or on PATH`;
}
