import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Options } from "execa";
import { cacheRoot } from "../../lib/cache-root.cjs";
import type { EngineKind } from "./options.ts";
import { lookForNetwork, type RootlessFacts, rootlessNotes, rootlessProblems } from "./rootless.ts";
import { handingOn, throwIfStopped, untilDone } from "./stop.ts";

/** A container engine of this computer that answers. */
export interface Engine extends EngineKind {
  readonly version: string;
  /** Variables of its environment, beside the caller's. */
  readonly env: Readonly<Record<string, string>>;
  /** Notes for people on settings that were adapted to this host. */
  readonly notes: readonly string[];
}

export class NoEngine extends Error {}

const NOT_THERE = "it is not on PATH";

/** The number of CAP_SYS_RESOURCE (capabilities(7)). */
const SYS_RESOURCE = 24n;

/**
 * Finds an engine: the wanted one, else podman, else docker.
 *
 * @throws {NoEngine} with the answer of each of them, and how to install one
 */
export async function findEngine(wanted?: string): Promise<Engine> {
  const problems: string[] = [];
  for (const program of wanted === undefined ? (["podman", "docker"] as const) : [wanted]) {
    if (program !== "podman" && program !== "docker") {
      throw new NoEngine(`--engine ${program}: write podman or docker`);
    }
    const found = await (program === "podman" ? askPodman() : askDocker());
    if (typeof found !== "string") return { ...found, ...apparmorProfile() };
    problems.push(`${program}: ${found}`);
  }
  throw new NoEngine(
    `no container engine answers. ${problems.join("; ")}. Install one: apt-get install podman (Debian, Ubuntu), brew install podman (macOS), ` +
      "or Docker Desktop or Podman Desktop (Windows, macOS), and start it.",
  );
}

/** The AppArmor profile that an administrator has loaded for containers of ours (container/ci/apparmor-profile). */
function apparmorProfile(): Pick<EngineKind, "apparmorProfile"> {
  const name = process.env["CLOISTER_APPARMOR_PROFILE"];
  if (!name) return {};
  if (/^[\w.-]{1,64}$/.test(name)) return { apparmorProfile: name };
  throw new NoEngine(`CLOISTER_APPARMOR_PROFILE=${JSON.stringify(name)}: write the name of a loaded profile`);
}

async function askPodman(): Promise<Engine | string> {
  const { env, notes } = await podmanSettings();
  const asked = await execa("podman", ["info", "--format", "json"], { env, reject: false, stdin: "ignore" });
  if (asked.failed) return asked.code === "ENOENT" ? NOT_THERE : said(asked.stderr, asked.shortMessage);
  const info = JSON.parse(asked.stdout) as PodmanInfo;
  const found: Engine = {
    program: "podman",
    version: info.version.Version,
    rootless: info.host.security.rootless,
    cgroups: info.host.cgroupVersion === "v1" ? 1 : 2,
    apparmor: info.host.security.apparmorEnabled ?? false,
    env,
    notes,
  };
  // Elsewhere podman runs in a virtual machine, whose settings are Podman Desktop's.
  if (!found.rootless || process.platform !== "linux") return found;
  const facts = await rootlessFacts(found, info);
  const problems = rootlessProblems(facts);
  return problems.length > 0
    ? `rootless podman can start no container here: ${problems.join("; ")}`
    : { ...found, controllers: facts.controllers, notes: [...notes, ...rootlessNotes(facts)] };
}

interface PodmanInfo {
  readonly host: {
    readonly cgroupVersion: string;
    readonly cgroupControllers?: readonly string[] | null;
    readonly security: { readonly rootless: boolean; readonly apparmorEnabled?: boolean };
    readonly idMappings?: { readonly uidmap?: readonly { readonly size: number }[] | null };
  };
  readonly store?: { readonly graphDriverName?: string };
  readonly version: { readonly Version: string };
}

async function rootlessFacts({ cgroups }: Engine, { host, store }: PodmanInfo): Promise<RootlessFacts> {
  return {
    cgroups,
    // With version 1 podman names none, and no user could use one.
    controllers: cgroups === 1 ? [] : (host.cgroupControllers ?? []),
    ids: (host.idMappings?.uidmap ?? []).reduce((sum, { size }) => sum + size, 0),
    storage: store?.graphDriverName ?? "",
    ...(await lookForNetwork()),
  };
}

async function askDocker(): Promise<Engine | string> {
  const asked = await execa("docker", ["info", "--format", "{{json .}}"], { reject: false, stdin: "ignore" });
  if (asked.code === "ENOENT") return NOT_THERE;
  const info = asked.failed ? undefined : (JSON.parse(asked.stdout) as Partial<DockerInfo>);
  // When there is no daemon, the client still ends with code 0, and has the error in its answer.
  if (info?.ServerVersion === undefined || info.ServerVersion === "") {
    return info?.ServerErrors?.join("; ") ?? said(asked.stderr, asked.shortMessage ?? "no answer");
  }
  return {
    program: "docker",
    version: info.ServerVersion,
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes("rootless")),
    cgroups: info.CgroupVersion === "1" ? 1 : 2,
    apparmor: (info.SecurityOptions ?? []).some((option) => option.includes("apparmor")),
    env: {},
    notes: [],
  };
}

interface DockerInfo {
  readonly ServerVersion: string;
  readonly ServerErrors: readonly string[];
  readonly SecurityOptions: readonly string[];
  readonly CgroupVersion: string;
}

const said = (stderr: string | undefined, otherwise: string | undefined) =>
  (stderr ?? "").trim().split("\n").at(-1) || (otherwise ?? "it failed");

/**
 * The settings that podman needs on hosts that are containers or small machines themselves. Its own limits of open
 * files need a capability that root lacks there, and crun refuses control groups of both versions side by side.
 */
async function podmanSettings(): Promise<Pick<Engine, "env" | "notes">> {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || process.env["CONTAINERS_CONF"] !== undefined) {
    return { env: {}, notes: [] };
  }
  const [status, mounts] = await Promise.all([readFile("/proc/self/status", "utf8"), readFile("/proc/mounts", "utf8")]);
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const limited = (effective & (1n << SYS_RESOURCE)) === 0n;
  const both = / cgroup rw/.test(mounts) && / cgroup2 rw/.test(mounts);
  if (!limited && !both) return { env: {}, notes: [] };
  const path = join(cacheRoot(), "containers.conf");
  await mkdir(cacheRoot(), { recursive: true });
  await writeFile(
    path,
    `${limited ? "[containers]\ndefault_ulimits = []\n" : ""}${both ? '[engine]\nruntime = "runc"\n' : ""}`,
  );
  return {
    env: { CONTAINERS_CONF: path },
    notes: [
      ...(limited ? ["root lacks CAP_SYS_RESOURCE here: podman sets no limits of its own for open files"] : []),
      ...(both ? ["control groups of both versions are mounted: runc is used, which takes them"] : []),
    ],
  };
}

/** Starts the engine. The options are execa's. */
export function startEngine<T extends Options>({ program, env }: Engine, args: readonly string[], options?: T) {
  return execa(program, [...args], { ...options, env: { ...env, ...(options?.env ?? {}) } } as T);
}

/**
 * Runs the engine to its end. The options are execa's.
 *
 * @throws {Stopped} when this process was told to stop, before or meanwhile
 */
export async function engine<T extends Options>(host: Engine, args: readonly string[], options?: T) {
  throwIfStopped();
  const child = startEngine(host, args, options);
  const result = await handingOn(child, (signal) => child.kill(signal));
  throwIfStopped();
  return result;
}

/** For how long an engine may take something down, in milliseconds. One that hangs cannot be ended with Ctrl-C. */
const TAKE_DOWN_MS = 300_000;

/**
 * Runs the engine to take something down, also after a signal, and whatever signals come meanwhile: a cancelled job gets
 * several. That it fails is no error: what is to go may be gone.
 */
export async function takeDown(host: Engine, args: readonly string[]): Promise<string> {
  const { stdout } = await untilDone(
    // In a session of its own: a terminal's Ctrl-C does not reach it.
    startEngine(host, args, { reject: false, stdin: "ignore", detached: true, cleanup: false, timeout: TAKE_DOWN_MS }),
  );
  return String(stdout ?? "");
}

/** The arguments that remove containers at once. */
export function removeArguments({ program, version }: Pick<Engine, "program" | "version">, ids: readonly string[]) {
  // Else podman waits ten seconds for a container to end. docker never waits, and podman 3 has no such option.
  const now = program === "podman" && Number.parseInt(version, 10) >= 4 ? ["--time=0"] : [];
  return ["rm", "--force", ...now, "--volumes", ...ids];
}
