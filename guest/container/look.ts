import { readFile } from "node:fs/promises";
import { tryRun } from "../lib/exec.ts";
import { RUNTIME_ROOT } from "../sandbox/paths.ts";
import { type EngineLimits, readLimits } from "./limits.ts";

/** One mount of this container. */
export interface MountFacts {
  readonly path: string;
  readonly type: string;
  /** Options of the mount and of its file system: `ro`, `nosuid`, `size=524288k` ... */
  readonly options: readonly string[];
}

/** The facts about this container, as they are seen from within. */
export interface ContainerFacts {
  readonly uid: number;
  /** Lines of /proc/self/status, by name. */
  readonly status: Readonly<Record<string, string>>;
  readonly mounts: readonly MountFacts[];
  readonly limits: EngineLimits;
  /**
   * The answers to system calls that the profile does not have: the name of an error number, or `""` where the kernel
   * carried the call out.
   */
  readonly calls: Readonly<Record<string, string>>;
  /** The reason why no user namespace can be made; undefined when one can. */
  readonly noNamespaces?: string;
}

let begun: Promise<ContainerFacts> | undefined;

/** Begins a look that the next {@link lookAtContainer} returns. */
export function beginLook(): void {
  begun = look();
  // Told to whoever asks for it.
  begun.catch(() => {});
}

/** Looks at this container. It changes nothing. */
export async function lookAtContainer(): Promise<ContainerFacts> {
  const facts = begun ?? look();
  begun = undefined;
  return await facts;
}

async function look(): Promise<ContainerFacts> {
  const [status, mounts, limits, calls, noNamespaces] = await Promise.all([
    readFile("/proc/self/status", "utf8"),
    readFile("/proc/self/mountinfo", "utf8"),
    readLimits(),
    tryCalls(),
    whyNoNamespaces(),
  ]);
  return {
    uid: process.getuid?.() ?? -1,
    status: parseStatus(status),
    mounts: parseMounts(mounts),
    limits,
    calls,
    ...(noNamespaces === undefined ? {} : { noNamespaces }),
  };
}

export function parseStatus(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf(":");
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]];
    }),
  );
}

/** Parses mountinfo (proc_pid_mountinfo(5)). */
export function parseMounts(text: string): MountFacts[] {
  return text.split("\n").flatMap((line) => {
    const [before, after] = line.split(" - ");
    const [, , , , path, options] = before?.split(" ") ?? [];
    const [type, , more] = after?.split(" ") ?? [];
    if (path === undefined || options === undefined || type === undefined) return [];
    return [{ path, type, options: [...options.split(","), ...(more ?? "").split(",")] }];
  });
}

async function tryCalls(): Promise<Record<string, string>> {
  const { stdout } = await tryRun([`${RUNTIME_ROOT}/bin/probe`, "engine"]);
  const { engine } = JSON.parse(stdout) as { engine: Record<string, { ok: boolean; errno?: string }> };
  return Object.fromEntries(Object.entries(engine).map(([call, { errno }]) => [call, errno ?? ""]));
}

/** Kernel settings that prevent users from making user namespaces, each with the value that does so. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ["kernel/apparmor_restrict_unprivileged_userns", "1"],
  ["kernel/unprivileged_userns_clone", "0"],
  ["user/max_user_namespaces", "0"],
];

async function whyNoNamespaces(): Promise<string | undefined> {
  // Make a namespace as a session's launcher does, and use a right that it needs there: on hosts that restrict
  // namespaces, one can be made but gives no rights.
  const tried = await tryRun(["unshare", "--user", "--map-current-user", "--keep-caps", "--", "chroot", "/", "true"]);
  if (tried.code === 0) return undefined;
  const found = await Promise.all(
    SETTINGS.map(async ([name, value]) => {
      const text = await readFile(`/proc/sys/${name}`, "utf8").catch(() => "");
      return text.trim() === value ? [`${name.replaceAll("/", ".")} is ${value} on the host`] : [];
    }),
  );
  return [tried.stderr.trim(), ...found.flat()].join("; ");
}
