import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "./project-copy.ts";

const VERSION = "7.48.0";
/** Starter of the plugin: runs one bundled file, as ours does. */
const STARTER = `#!/usr/bin/env node
const { load } = require(${JSON.stringify(join(REPOSITORY, "lib/run-bundled.cjs"))});
load("rehearsal/plugin/main.ts");
`;

/**
 * Makes a folder for PULUMI_HOME in which the plugin `aws` is the stand-in, and all others are those of `home`. The
 * user's own folder never gets it: there it would be taken for the real one.
 */
export async function standInHome(folder: string, home = join(homedir(), ".pulumi")): Promise<void> {
  const plugins = join(folder, "plugins");
  await mkdir(plugins, { recursive: true });
  const found = await readdir(join(home, "plugins"), { withFileTypes: true }).catch(() => []);
  const others = found.filter((entry) => entry.isDirectory() && !entry.name.startsWith("resource-aws-"));
  for (const { name } of others) await lay(join(home, "plugins", name), join(plugins, name));
  const folderOfOurs = join(plugins, `resource-aws-v${VERSION}`);
  await mkdir(folderOfOurs);
  const starter = join(folderOfOurs, "pulumi-resource-aws");
  await writeFile(starter, STARTER);
  await chmod(starter, 0o755);
}

/** A folder with links to all that is in another; a link in place of the folder is not taken for a plugin. */
async function lay(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) await symlink(join(from, name), join(to, name));
}
