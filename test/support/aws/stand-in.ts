import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Store, sha256 } from "../../../tools/lib/store.ts";
import { REPOSITORY } from "../local/project-copy.ts";

const sources = new URL("./plugin/", import.meta.url).pathname;
const VERSION = "7.48.0";

/** The stand-in for the AWS plugin, bundled; a chunk of its own for each of the SDK's clients, read when first used. */
async function bundle(): Promise<string> {
  const files = (await readdir(sources, { recursive: true })).filter((file) => file.endsWith(".ts")).sort();
  const shared = ["tools/lib/grpc-serve.ts", "tools/toolchain/standins/command/values.ts"];
  const paths = [...files.map((file) => join(sources, file)), ...[...shared, "package-lock.json"].map(inRepository)];
  const texts = await Promise.all([...paths, import.meta.filename].map((path) => readFile(path, "utf8")));
  const entry = await new Store().entry(
    "aws-stand-in",
    sha256(JSON.stringify(texts)),
    async (folder) => {
      const { build } = await import("esbuild");
      await build({
        entryPoints: [join(sources, "main.ts")],
        outdir: folder,
        outExtension: { ".js": ".mjs" },
        bundle: true,
        splitting: true,
        platform: "node",
        // AWS gives its clients as ES modules there.
        mainFields: ["module", "main"],
        target: "node20",
        format: "esm",
        logLevel: "error",
        // Packages in CommonJS call require() for Node's own modules.
        banner: {
          js: 'import { createRequire as cloisterRequire } from "node:module"; const require = cloisterRequire(import.meta.url);',
        },
      });
      const starter = join(folder, "pulumi-resource-aws");
      await writeFile(starter, '#!/usr/bin/env node\nimport("./main.mjs");\n');
      await chmod(starter, 0o755);
    },
    { deep: false },
  );
  return entry.path;
}

const inRepository = (file: string): string => join(REPOSITORY, file);

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
  await lay(await bundle(), join(plugins, `resource-aws-v${VERSION}`));
}

/** A folder with links to all that is in another; a link in place of the folder is not taken for a plugin. */
async function lay(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) await symlink(join(from, name), join(to, name));
}
