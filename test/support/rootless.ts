import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

const PROJECT = join(import.meta.dirname, "../..");

/** A number that no user of this computer should have, and a range for its containers. */
const USER = 43_210;
const RANGE = { first: 600_000, count: 65_536 } as const;

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An ordinary user of this computer, with podman of its own. */
export interface OrdinaryUser {
  readonly uid: number;
  readonly home: string;
  /** Runs a command in this project's folder, as that user. */
  run(command: readonly string[], options?: { readonly env?: Readonly<Record<string, string>> }): Promise<Finished>;
  remove(): Promise<void>;
}

/** What is missing on this computer for the user; nothing when all is there. */
export async function whyNoOrdinaryUser(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root makes a user for the test";
  const missing: string[] = [];
  for (const program of ["podman", "newuidmap", "slirp4netns", "unshare", "setpriv"]) {
    if ((await execa("which", [program], { reject: false })).failed) missing.push(program);
  }
  return missing.length === 0 ? undefined : `not on PATH: ${missing.join(", ")}`;
}

/**
 * Makes the user in a mount namespace, where it has a line in /etc/passwd, a range of ids, and a /dev/net/tun as ordinary computers have
 * it. Nothing of this computer is changed.
 */
export async function ordinaryUser(): Promise<OrdinaryUser> {
  const base = await mkdtemp(join(tmpdir(), "cloister-rootless-"));
  const [home, runtime, project] = ["home", "run", "project"].map((name) => join(base, name)) as [
    string,
    string,
    string,
  ];
  await chmod(base, 0o755);
  for (const folder of [home, runtime, join(base, "etc"), project]) await mkdir(folder);
  await mkdir(join(home, ".config/containers"), { recursive: true });
  // Which driver podman takes by itself depends on its version.
  await writeFile(join(home, ".config/containers/storage.conf"), '[storage]\ndriver = "overlay"\n');
  for (const folder of [home, join(home, ".config"), join(home, ".config/containers"), runtime])
    await chown(folder, USER, USER);
  await chmod(runtime, 0o700);
  const range = `ordinary:${RANGE.first}:${RANGE.count}\n`;
  const files = {
    passwd: `${await readFile("/etc/passwd", "utf8")}ordinary:x:${USER}:${USER}::${home}:/bin/bash\n`,
    group: `${await readFile("/etc/group", "utf8")}ordinary:x:${USER}:\n`,
    subuid: range,
    subgid: range,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(base, "etc", name), text);
  await execa("mknod", ["--mode=666", join(base, "tun"), "c", "10", "200"]);
  const enter = [
    "set -e",
    "mount --make-rshared /",
    // A file that this computer has not cannot be covered: it is made beside a copy of the folder.
    `mount -t overlay overlay -o lowerdir=${base}/etc:/etc /etc`,
    `mount --bind ${base}/tun /dev/net/tun`,
    `mount --bind ${PROJECT} ${project}`,
    `cd ${project}`,
    `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all "$@"`,
  ].join("\n");
  const run: OrdinaryUser["run"] = async (command, { env = {} } = {}) => {
    const ran = await execa("unshare", ["--mount", "bash", "-c", enter, "bash", ...command], {
      env: { PATH: process.env["PATH"] ?? "", HOME: home, XDG_RUNTIME_DIR: runtime, LC_ALL: "C.UTF-8", ...env },
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      timeout: 300_000,
    });
    return { exitCode: ran.exitCode ?? 255, stdout: ran.stdout, stderr: ran.stderr };
  };
  const remove = async () => {
    // podman leaves a process that holds its user namespace.
    const pid = Number(await readFile(join(runtime, "libpod/tmp/pause.pid"), "utf8").catch(() => "0"));
    if (pid > 1) process.kill(pid);
    await sleep(200);
    await rm(base, { recursive: true, force: true });
  };
  return { uid: USER, home, run, remove };
}
