/**
 * Which top-level folder may import which: the one place that says it. `npm run docs` writes it down for Biome
 * (`layers.json`, which `biome.json` extends) and draws what is true today into docs/architecture.md.
 */

/** Every folder with TypeScript or JavaScript, from the ground up. A folder may import only those above it in this list. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  contract: [],
  toolchain: ["lib"],
  guest: ["contract"],
  "cloud-init": ["contract"],
  images: ["lib", "contract", "guest"],
  infra: ["lib", "contract", "guest", "cloud-init", "images"],
  cli: ["lib", "contract", "toolchain", "guest", "images", "infra"],
  rehearsal: ["lib", "contract", "toolchain", "infra"],
  preview: ["lib", "contract", "toolchain", "cloud-init", "infra", "rehearsal"],
  policy: ["lib", "contract", "toolchain", "cloud-init", "infra", "preview"],
  tools: [
    "lib",
    "contract",
    "toolchain",
    "guest",
    "cloud-init",
    "images",
    "infra",
    "cli",
    "rehearsal",
    "preview",
    "policy",
  ],
  test: [
    "lib",
    "contract",
    "toolchain",
    "guest",
    "cloud-init",
    "images",
    "infra",
    "cli",
    "rehearsal",
    "preview",
    "policy",
    "tools",
  ],
  // Programs of somebody else's, as it were: they import the package by its name.
  examples: [],
};

/** Deeper than any folder is. */
const DEPTHS = [1, 2, 3, 4, 5, 6, 7, 8];

interface Override {
  readonly includes: readonly string[];
  readonly linter: unknown;
}

/**
 * Biome's overrides for {@link LAYERS}: for every folder and depth, all that leads out of the folder is refused but what is
 * allowed. A rule for each depth is needed, since `guest/lib` and `lib` are two things that one pattern cannot tell apart.
 */
export function layerOverrides(layers: Readonly<Record<string, readonly string[]>> = LAYERS): {
  overrides: Override[];
} {
  const overrides = Object.entries(layers).flatMap(([folder, allowed]) =>
    DEPTHS.map((depth) => {
      const out = "../".repeat(depth);
      const group = [`${out}**`, ...allowed.map((other) => `!${out}${other}/**`)];
      const options = { patterns: [{ group, message: message(folder, allowed) }] };
      const rule = { level: "error", options };
      return {
        includes: [`${folder}${"/*".repeat(depth)}`],
        linter: { rules: { style: { noRestrictedImports: rule } } },
      };
    }),
  );
  return { overrides };
}

function message(folder: string, allowed: readonly string[]): string {
  const own =
    allowed.length === 0 ? "nothing of the project outside of itself" : `only itself and ${allowed.join(", ")}`;
  const instead =
    folder === "examples"
      ? 'Import the package by its name: "cloister/aws".'
      : "Move what both need to a folder below.";
  return `${folder} imports ${own} (docs/architecture.md). ${instead}`;
}
