/**
 * `npm run install-command`: makes the link `cloister` on PATH that leads to this project's command. `npx` elsewhere
 * would ask a registry for a package of that name, and run whatever it gets.
 */
import { accessSync, constants, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { homeFolder } from "../../lib/home.cjs";
import { projectFolder } from "../../toolchain/own-backend.ts";

/** The user's own folders of programs. The first of them that is on PATH is taken. */
const OWN = [".local/bin", "bin", ".bin"];

/** Folders of the system that are made for what a user adds. Others belong to packages, and go with them. */
const SYSTEM = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];

/** The folder for the link: one of the user's own on PATH, else one of the system's there that may be written to. */
export function chooseFolder(
  env: NodeJS.ProcessEnv,
  home: string,
  writable: (folder: string) => boolean,
): string | undefined {
  const folders = (env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !/node_modules/.test(folder));
  const own = OWN.map((name) => join(home, name)).find((folder) => folders.includes(folder));
  return own ?? folders.find((folder) => SYSTEM.includes(folder) && writable(folder));
}

/**
 * Makes the link, or makes it anew.
 *
 * @throws an Error when something else is in its place
 */
export function install(folder: string, target: string): string {
  const link = join(folder, "cloister");
  if (lstatSync(link, { throwIfNoEntry: false })) {
    if (!isOurs(link)) {
      throw new Error(`${link} is there and is not ours: move it away, or name another folder with --dir`);
    }
    rmSync(link);
  }
  mkdirSync(folder, { recursive: true });
  symlinkSync(target, link);
  return link;
}

/**
 * Takes the link away again.
 *
 * @returns its path; undefined when there is none
 * @throws an Error when something else is in its place
 */
export function uninstall(folder: string): string | undefined {
  const link = join(folder, "cloister");
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return undefined;
  if (!isOurs(link)) throw new Error(`${link} is not ours: it stays`);
  rmSync(link);
  return link;
}

/** Tells whether a link leads to this project, or to a folder in which the project was before. */
function isOurs(link: string): boolean {
  if (!lstatSync(link).isSymbolicLink()) return false;
  const to = resolve(dirname(link), readlinkSync(link));
  return basename(to) === "bin.mjs" && basename(dirname(to)) === "cli";
}

function main(): void {
  const { dir, remove } = new Command("npm run install-command --")
    .description("Makes the command `cloister` on PATH: a link to this project's.")
    .option("--dir <folder>", "where to make it (default: ~/.local/bin, or another folder on PATH)")
    .option("--remove", "takes the link away again")
    .parse()
    .opts<{ dir?: string; remove?: boolean }>();
  const folder = dir
    ? resolve(dir)
    : (chooseFolder(process.env, homeFolder(), isWritable) ?? join(homeFolder(), OWN[0] ?? "bin"));
  if (remove) {
    const gone = uninstall(folder);
    console.log(gone === undefined ? `There is no cloister in ${folder}.` : `${gone} is gone.`);
    return;
  }
  const link = install(folder, join(projectFolder, "cli", "bin.mjs"));
  console.log(`${link} leads to this project.`);
  if (!(process.env["PATH"] ?? "").split(delimiter).includes(folder))
    console.log(`${folder} is not on your PATH. Add it: export PATH="${folder}:$PATH"`);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
