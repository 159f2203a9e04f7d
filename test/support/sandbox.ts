import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { describeProblem } from "../../contract/problem.ts";
import type { EgressDecision } from "../../guest/egress/decision.ts";
import { type EgressPolicy, parsePolicy, ruleOf } from "../../guest/egress/policy.ts";
import { EgressProxy, type EgressProxyOptions, type InternalHost } from "../../guest/egress/proxy.ts";
import { chainStdio, writeSecrets } from "../../guest/run/command.ts";
import { type Launch, launchArguments, type SandboxSpec, type Shown } from "../../guest/sandbox/bwrap.ts";
import { sessionEnvironment } from "../../guest/sandbox/environment.ts";
import { readLayout } from "../../guest/sandbox/layout.ts";
import { RUNTIME_ROOT, runtimeFiles } from "../../guest/sandbox/paths.ts";
import { OPEN_FILES } from "../../guest/sessions/limits.ts";
import { checkMounts, closeMounts, type Mount } from "../../guest/sessions/mounts.ts";
import type { MountRequest } from "../../guest/sessions/request.ts";
import { groupInside, passwdInside } from "../../guest/sessions/users.ts";

const SEAL = join(import.meta.dirname, "../../guest/seal");
const JAVA_AGENT = join(
  import.meta.dirname,
  "../../node_modules/@anthropic-ai/sandbox-runtime/vendor/java-proxy-agent/srt-proxy-agent.jar",
);
const ARCH = process.arch === "arm64" ? "arm64" : "amd64";

/**
 * The user that sessions of these tests belong to: an ordinary one. Run by root, the tests hand everything to a user id
 * that nobody has; run by anybody else, to that user.
 */
export const USER =
  process.getuid?.() === 0
    ? { uid: 42_420, gid: 42_420 }
    : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

const isRoot = process.getuid?.() === 0;

/** For spawn: become {@link USER}, without root's groups. */
export const asUser = isRoot ? { uid: USER.uid, gid: USER.gid } : {};

/** Names that these tests use, all of them on the loopback interface or in ranges that nobody may reach. */
export type Names = Readonly<Record<string, string>>;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The guest's static programs and filters, built for this computer; folder as in the runtime image. */
export async function buildRuntime(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-runtime-"));
  await chmod(folder, 0o755);
  const env = { CGO_ENABLED: "0" };
  const programs = ["./cmd/apply-seccomp", "./cmd/guard", "./cmd/probe", "./cmd/proxied"];
  await execa("go", ["build", "-trimpath", "-buildvcs=false", "-o", `${folder}/bin/`, ...programs], { cwd: SEAL, env });
  await execa("go", ["run", "./cmd/filters", "-arch", ARCH, "-out", `${folder}/seccomp`], { cwd: SEAL, env });
  const { ssh, javaAgent } = runtimeFiles(folder);
  await Promise.all([mkdir(ssh), mkdir(dirname(javaAgent))]);
  const settings = await readFile(join(SEAL, "../ssh/ssh_config"), "utf8");
  await writeFile(join(ssh, "ssh_config"), settings.replaceAll(RUNTIME_ROOT, folder));
  await copyFile(JAVA_AGENT, javaAgent);
  return folder;
}

/** Fails with words when this computer cannot run sessions at all. It is a failure, not a reason to skip. */
export async function requireSandbox(): Promise<void> {
  const args = ["--ro-bind", "/", "/", "--unshare-user", "--unshare-net", "--proc", "/proc", "--dev", "/dev", "true"];
  const finished = await finish(spawn("bwrap", args, { ...asUser, stdio: ["ignore", "pipe", "pipe"] })).catch(
    (error: Error) => ({ code: 1, stderr: error.message }),
  );
  if (finished.code === 0) return;
  throw new Error(
    "the sandbox tests need bubblewrap and user namespaces for ordinary users, and this computer has none: " +
      `${finished.stderr.trim()}. Install bubblewrap; on Ubuntu 24.04 and newer allow it user namespaces ` +
      "(sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns,`); in a container, " +
      "give it a seccomp profile that allows them.",
  );
}

/** One session on this computer: everything but systemd, which would give it its user, limits and lifetime. */
export class HostSession {
  readonly proxy: EgressProxy;
  readonly decisions: EgressDecision[] = [];
  readonly home: string;
  readonly #folder: string;
  readonly #runtime: string;
  readonly #name: string;
  /** Files of a folder that are younger are the session's own. Nanoseconds since 1970. */
  since = BigInt(Date.now()) * 1_000_000n;
  readonly #opened: Mount[] = [];
  /** Folders that its commands are shown. Only root can show any. */
  shown: readonly Shown[] = [];

  private constructor(name: string, folder: string, runtime: string, proxy: EgressProxy) {
    this.#name = name;
    this.#folder = folder;
    this.#runtime = runtime;
    this.home = join(folder, "home");
    this.proxy = proxy;
    proxy.on("decision", (decision) => this.decisions.push(decision));
  }

  /** @param allow as for `--allow`; entries that {@link parsePolicy} refuses go to `alsoAllow` */
  static async open(options: {
    readonly name?: string;
    readonly runtime: string;
    readonly allow?: readonly string[];
    /** Allowed without being checked: addresses of this computer's loopback, where the tests' servers are. */
    readonly alsoAllow?: readonly string[];
    readonly names?: Names;
    readonly internal?: InternalHost;
  }): Promise<HostSession> {
    const { name = "calm-testing-turing", runtime } = options;
    const folder = await mkdtemp(join(tmpdir(), "cloister-session-"));
    await chmod(folder, 0o711);
    const own = async (path: string, mode: number) => {
      await mkdir(path);
      await chmod(path, mode);
      if (isRoot) await chown(path, USER.uid, USER.gid);
    };
    await Promise.all([
      own(join(folder, "home"), 0o750),
      own(join(folder, "egress"), 0o750),
      own(join(folder, "empty"), 0o755),
      own(join(folder, "tmp"), 0o1777),
      own(join(folder, "shm"), 0o1777),
      mkdir(join(folder, "scratch")),
      writeFile(join(folder, "passwd"), passwdInside({ name, ...USER, home: join(folder, "home") })),
      writeFile(join(folder, "group"), groupInside({ name, ...USER, home: "" })),
    ]);
    const { names } = options;
    const proxy = new EgressProxy({
      session: name,
      folder: join(folder, "egress"),
      ...(isRoot ? { owner: USER } : {}),
      policy: testPolicy(options.allow ?? [], options.alsoAllow ?? []),
      ...(names === undefined ? {} : { resolver: resolveFrom(names) }),
      ...(options.internal === undefined ? {} : { internal: options.internal }),
    });
    await proxy.start();
    return new HostSession(name, folder, runtime, proxy);
  }

  get probePath(): string {
    return join(this.#runtime, "bin/probe");
  }

  /** How the chain of one command is started. */
  async launch(command: readonly string[], change: Partial<SandboxSpec> = {}): Promise<Launch> {
    const layout = await readLayout();
    const at = (name: string) => join(this.#folder, name);
    return launchArguments({
      home: this.home,
      cwd: this.home,
      ...USER,
      hostname: "claude",
      // The runtime image is mounted below /opt on a machine; here it is in a temporary folder.
      layout: { ...layout, shown: [...layout.shown, { path: this.#runtime, kind: "folder" }] },
      empty: at("empty"),
      // As on a machine, where these tests may: without root nothing is mounted, and bubblewrap makes the user namespace.
      scratch: isRoot
        ? { kind: "launcher", folder: at("scratch"), sizeMiB: 64, shown: this.shown }
        : { kind: "folders", tmp: at("tmp"), shm: at("shm") },
      ...(isRoot ? { outside: { openFiles: OPEN_FILES, parent: process.pid, since: this.since } } : {}),
      passwd: at("passwd"),
      group: at("group"),
      sockets: at("egress"),
      runtime: runtimeFiles(this.#runtime),
      environment: this.environment(),
      command,
      ...change,
    });
  }

  /** The environment of its commands. */
  environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { home, proxy } = this;
    return sessionEnvironment({ session: this.#name, home, token: proxy.token, runtime: this.#runtime, extra });
  }

  async spawn(command: readonly string[], change: Partial<SandboxSpec> = {}): Promise<ChildProcess> {
    const { command: chain, secrets, descriptors } = await this.launch(command, change);
    const [program = "", ...args] = chain;
    const child = spawn(program, args, { cwd: "/", stdio: chainStdio(undefined, descriptors) });
    writeSecrets(child, secrets);
    child.stdio[4]?.on("error", () => {});
    (child.stdio[4] as Readable).resume();
    return child;
  }

  async run(command: readonly string[], change: Partial<SandboxSpec> = {}): Promise<Finished> {
    return await finish(await this.spawn(command, change));
  }

  /** Runs the probe in the session. */
  async probe<T = Probe>(...checks: string[]): Promise<T> {
    return parseProbe<T>(await this.run([this.probePath, ...checks]));
  }

  /** Runs the probe outside of any session, as the same user: the positive control. */
  async control<T = Probe>(...checks: string[]): Promise<T> {
    return parseProbe<T>(await finish(spawn(this.probePath, checks, { ...asUser, stdio: ["ignore", "pipe", "pipe"] })));
  }

  /** Runs the probe as whoever runs the tests: as root, more of what a session is refused can be shown to be there. */
  async strongControl<T = Probe>(...checks: string[]): Promise<T> {
    return parseProbe<T>(await finish(spawn(this.probePath, checks, { stdio: ["ignore", "pipe", "pipe"] })));
  }

  /** Puts a file into the session's home. */
  async give(name: string, source: string): Promise<string> {
    const path = join(this.home, name);
    await cp(source, path, { recursive: true });
    if (isRoot) await execa("chown", ["-R", `${USER.uid}:${USER.gid}`, path]);
    return path;
  }

  /** Shows its commands these folders, as `--mount` does. */
  async show(requests: readonly MountRequest[]): Promise<void> {
    const { mounts, problems } = await checkMounts(requests);
    this.#opened.push(...mounts);
    if (problems.length > 0) throw new Error(problems.join("\n"));
    this.shown = mounts.map(({ name, mode, folder: { fd } }) => ({ name, mode, descriptor: fd }));
  }

  /**
   * From now on what is made is the session's own: by the birth of a new folder in this one, as on a machine, on the clock of the file
   * system. It ticks every few milliseconds.
   */
  async beginsNow(folder: string): Promise<void> {
    await sleep(20);
    await mkdir(join(folder, "clock"));
    this.since = (await stat(join(folder, "clock"), { bigint: true })).birthtimeNs;
  }

  async close(): Promise<void> {
    await closeMounts(this.#opened);
    await this.proxy.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The probe's output, as far as the tests look at it (guest/seal/internal/probe). */
export interface Probe {
  readonly status: Record<string, string>;
  readonly namespaces: Record<string, string>;
  readonly sockets: Record<string, Outcome>;
  readonly attempts: Record<string, Outcome>;
  readonly processes: readonly { pid: number; ppid: number; comm: string; cmdline: string[] }[];
  readonly fds: readonly { fd: number; target: string }[];
  readonly filesystems: Record<string, { type: string; sizeBytes: number; writable: boolean } & Partial<Outcome>>;
  readonly identity: { uid: number; gid: number; groups: number[]; hostname: string; cwd: string; home: string };
  readonly environment: Record<string, string>;
  readonly routes: { routes: string[]; interfaces: string[] };
  readonly foreign: { ok: boolean; signal?: string; errno?: string };
  readonly shm: { shm: string[]; sem: string[]; msg: string[] };
  readonly mounts: readonly string[];
  readonly connect: readonly (Outcome & { target: string })[];
  readonly unix: readonly (Outcome & { target: string })[];
  readonly dns: readonly { name: string; ok: boolean; error?: string }[];
  readonly http: readonly { url: string; status?: number; tag?: string; body?: string; error?: string }[];
  readonly socks: readonly { target: string; ok?: boolean; reply?: number; error?: string }[];
  readonly file: readonly (Outcome & { path: string; entries?: string[] })[];
  readonly write: readonly { path: string; made: Outcome; removed?: Outcome }[];
}

export interface Outcome {
  readonly ok: boolean;
  readonly errno?: string;
}

function parseProbe<T>(finished: Finished): T {
  if (finished.code !== 0) throw new Error(`probe ended with ${finished.signal ?? finished.code}: ${finished.stderr}`);
  return JSON.parse(finished.stdout) as T;
}

/** Waits for a child and collects what it printed. */
export function finish(child: ChildProcess): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const text = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text.stdout += chunk;
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      text.stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...text }));
  });
}

/**
 * A policy for tests: what `--allow` would make of `allow`, and loopback addresses of the tests' own servers, which it
 * would refuse. There is no such way around it outside of tests.
 */
export function testPolicy(allow: readonly string[], alsoAllow: readonly string[] = []): EgressPolicy {
  const { policy, problems } = parsePolicy(allow);
  if (policy === undefined) throw new Error(problems.map(describeProblem).join("\n"));
  return { ...policy, rules: [...policy.rules, ...alsoAllow.map((entry) => ruleOf(entry))] };
}

/** A resolver that knows some names and nothing else. */
export function resolveFrom(names: Names): NonNullable<EgressProxyOptions["resolver"]> {
  return (name, _options, callback) => {
    const address = names[name];
    if (address === undefined) {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" }), []);
    } else callback(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
  };
}
