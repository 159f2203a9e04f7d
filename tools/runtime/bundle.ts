import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const GUEST = join(import.meta.dirname, "../../guest");

/**
 * Bundles the guest's code into one module, `cloister.mjs`: one file to read at start instead of hundreds, which matters
 * most where the machine is emulated. Deterministic: esbuild's output depends on its version and the sources alone.
 *
 * @param outdir folder that gets `cloister.mjs`
 */
export async function bundleGuest(outdir: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(GUEST, "../package.json"), "utf8")) as { version: string };
  await build({
    entryPoints: { cloister: join(GUEST, "main.ts") },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node22",
    format: "esm",
    minify: true,
    // Errors must name our functions.
    keepNames: true,
    legalComments: "none",
    logLevel: "silent",
    define: { __CLOISTER_VERSION__: JSON.stringify(version) },
    // Packages written for CommonJS call `require`, which a module does not have by itself.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}
