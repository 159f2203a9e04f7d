import { rmSync } from "node:fs";
import { chown, mkdtemp, realpath, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeProblem } from "../../contract/problem.ts";
import { parseMount, refuseSource } from "../../guest/sessions/mounts.ts";
import { MOUNT_MODES } from "../../guest/sessions/request.ts";
import type { Folder } from "./options.ts";

/** The image's own user. A caller who is root and shows no other user's folder gets it. */
const IMAGE_USER = { uid: 1000, gid: 1000 } as const;

export interface Caller {
  readonly uid: number;
  readonly gid: number;
}

/** The user who starts the container: under sudo, the user who called sudo. Windows has no such numbers. */
export function caller(env: NodeJS.ProcessEnv = process.env): Caller {
  const own = { uid: process.getuid?.() ?? IMAGE_USER.uid, gid: process.getgid?.() ?? IMAGE_USER.gid };
  const [uid, gid] = [Number(env["SUDO_UID"]), Number(env["SUDO_GID"])];
  return own.uid === 0 && uid > 0 && gid > 0 ? { uid, gid } : own;
}

/** A folder that was looked at. */
export interface SeenFolder extends Folder {
  readonly owner: Caller;
}

/** Reads `DIR:NAME:MODE` of each `--mount` and looks at the folders. All problems are returned. */
export async function readFolders(texts: readonly string[]): Promise<{ folders: SeenFolder[]; problems: string[] }> {
  const folders: SeenFolder[] = [];
  const problems: string[] = [];
  for (const text of texts) {
    const parsed = parseMount(text);
    if ("problem" in parsed) {
      problems.push(describeProblem(parsed.problem));
      continue;
    }
    const { name, mode } = parsed;
    const complain = (what: string) => problems.push(`--mount ${JSON.stringify(text)}: ${what}`);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name) || /^\.+$/.test(name))
      complain(`${JSON.stringify(name)} is no name for a folder here`);
    if (!MOUNT_MODES.includes(mode))
      complain(`there is no mode ${JSON.stringify(mode)}; write ${MOUNT_MODES.join(", ")}`);
    if (folders.some((one) => one.name === name)) complain(`the name ${name} is used twice`);
    const source = await realpath(parsed.source).catch(() => undefined);
    const info = source === undefined ? undefined : await stat(source);
    if (source === undefined || info === undefined) complain("there is no such folder; make it first");
    else if (!info.isDirectory()) complain("not a folder; only folders can be shown");
    else if (/[:,]/.test(source)) complain("engines cannot take a path with : or , in it");
    else {
      const why = process.platform === "linux" ? refuseSource(source) : undefined;
      if (why !== undefined) complain(why);
      folders.push({ source, name, mode, owner: { uid: info.uid, gid: info.gid } });
    }
  }
  return { folders, problems };
}

/**
 * Chooses the user of the container, which is never root. For root it is the owner of the folders that may be written.
 *
 * @returns problems when there is no such user
 */
export function chooseUser(who: Caller, folders: readonly SeenFolder[]): { user: Caller; problems: string[] } {
  if (who.uid !== 0) return { user: who, problems: [] };
  const written = folders.filter(({ mode }) => mode !== "ro");
  const roots = written.filter(({ owner }) => owner.uid === 0);
  const problems = roots.map(
    ({ source }) =>
      `${source} is root's, and sessions never run as root: call this as the user who is to have the files, or give it away ` +
      `(chown -R ${IMAGE_USER.uid}:${IMAGE_USER.gid} ${source}), or show it ro`,
  );
  const owners = new Set(written.map(({ owner }) => owner.uid));
  if (owners.size > 1 && roots.length === 0) {
    problems.push(
      `the folders belong to several users (${[...owners].join(", ")}): a container has one; call this as one of them`,
    );
  }
  return { user: written.find(({ owner }) => owner.uid !== 0)?.owner ?? IMAGE_USER, problems };
}

/** The folder in which the key's own folder is made. */
const keyHome = (): string => process.env["XDG_RUNTIME_DIR"] ?? tmpdir();

/** Reasons why the model's key would lie in a folder that the session sees: it has the session's user. Empty: it would not. */
export async function keyInSight(folders: readonly Pick<SeenFolder, "source">[]): Promise<string[]> {
  const home = await realpath(keyHome());
  return folders
    .filter(({ source }) => source === "/" || home === source || home.startsWith(`${source}/`))
    .map(
      ({ source }) =>
        `${source} holds ${home}, where the model's key lies while the container runs: show a folder in it, or set XDG_RUNTIME_DIR to a folder elsewhere`,
    );
}

/** Puts the model's key where only this user reads it, for as long as the container runs: it goes with this process, too. */
export async function keyFile(key: string, user: Caller): Promise<{ path: string; remove: () => void }> {
  const folder = await mkdtemp(join(keyHome(), "cloister-key-"));
  const remove = () => {
    process.off("exit", remove);
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", remove);
  try {
    const path = join(folder, "model-key");
    await writeFile(path, key, { mode: 0o400 });
    if (process.getuid?.() === 0) {
      await chown(path, user.uid, user.gid);
      await chown(folder, user.uid, user.gid);
    }
    return { path, remove };
  } catch (error) {
    remove();
    throw new Error(
      `the model's key could not be put into ${folder}: ${(error as Error).message}. Set XDG_RUNTIME_DIR to a folder with room for it`,
      { cause: error },
    );
  }
}
