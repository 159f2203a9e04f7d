import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A policy pack in a folder. */
export interface Pack {
  readonly folder: string;
  /** Text of its `settings.yaml`. */
  readonly settings: string;
  /** Variables with which the engine starts it quickly. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Looks at a pack of this project, or of another version of it.
 *
 * @param folder absolute path
 * @throws Error when there is no pack
 */
export async function packIn(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<Pack> {
  const [settings] = await Promise.all(
    ["settings.yaml", "PulumiPolicy.yaml"].map((file) =>
      readFile(join(folder, file), "utf8").catch(() => {
        throw new Error(
          `--policy-pack ${folder}: there is no ${file} in it. Give the folder of a pack, or --no-policies`,
        );
      }),
    ),
  );
  const preload = join(folder, "preload.cjs");
  const isThere = await access(preload).then(
    () => true,
    () => false,
  );
  const options = [env["NODE_OPTIONS"], `--require ${JSON.stringify(preload)}`].filter(Boolean).join(" ");
  return { folder, settings: settings ?? "", env: isThere ? { NODE_OPTIONS: options } : {} };
}
