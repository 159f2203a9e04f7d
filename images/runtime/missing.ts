import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheRoot } from "../../lib/cache-root.cjs";

/** Kind of the runtime image's entries in the store. */
export const KIND = "runtime-image";

/**
 * Lists the programs that this computer lacks to make the runtime image, each with a remedy. Empty where the image exists already: then
 * nothing is started or loaded for it, so that a preview can afford it.
 *
 * @param key the image's, by `runtimeImageKey`
 */
export async function missingForRuntimeImage(
  key: string,
  env: NodeJS.ProcessEnv = process.env,
  cache: string = cacheRoot(),
): Promise<string[]> {
  if (existsSync(join(cache, KIND, key))) return [];
  const { goProblem } = await import("./go.ts");
  const { SQUASHFS_MISSING, squashfsVersion } = await import("./squashfs.ts");
  return [
    ...[await goProblem(env)].filter((one) => one !== undefined),
    ...((await squashfsVersion(env)) ? [] : [SQUASHFS_MISSING]),
  ];
}
