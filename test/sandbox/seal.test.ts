import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { chainStdio, writeSecrets } from "../../guest/run/command.ts";
import { OPEN_FILES } from "../../guest/sessions/limits.ts";
import {
  asUser,
  buildRuntime,
  finish,
  HostSession,
  type Outcome,
  type Probe,
  requireSandbox,
  USER,
} from "../support/sandbox.ts";

const NAMESPACES = ["net", "pid", "mnt", "user", "ipc", "uts", "cgroup"];

const USEFUL_SOCKETS = ["inet", "inet-tcp", "inet-udp", "inet-udp-named", "inet6", "inet6-udp", "netlink-route"];

/** Sockets of families that are there, but of no type or protocol that is. */
const NO_PROTOCOL: Readonly<Record<string, string>> = {
  "inet-raw": "EPERM",
  "inet-sctp-raw": "EPERM",
  "inet-packet": "ESOCKTNOSUPPORT",
  "inet-dccp": "ESOCKTNOSUPPORT",
  "inet6-sctp": "ESOCKTNOSUPPORT",
  "netlink-route-stream": "ESOCKTNOSUPPORT",
  "inet-sctp": "EPROTONOSUPPORT",
  "inet-udplite": "EPROTONOSUPPORT",
  "inet6-udplite": "EPROTONOSUPPORT",
  "inet-mptcp": "EPROTONOSUPPORT",
  "inet-smc": "EPROTONOSUPPORT",
  "inet-l2tp": "EPROTONOSUPPORT",
  "inet-ping": "EPROTONOSUPPORT",
  "inet6-ping": "EPROTONOSUPPORT",
  "inet-crosswise": "EPROTONOSUPPORT",
  "pair-inet": "EAFNOSUPPORT",
  "pair-tipc": "EAFNOSUPPORT",
};

/** Ways into another process that only its own user, or nobody, may take. */
const LOOKING = "mem-write mem-read task-mem environ auxv maps root cwd exe fd net-ns".split(" ");

interface Loader extends Outcome {
  readonly loaded?: readonly string[];
}

interface Procmem {
  readonly procmem: readonly {
    readonly comm: string;
    readonly child?: boolean;
    readonly owner: number;
    readonly ways: Readonly<Record<string, Outcome>>;
  }[];
  readonly landlock: Outcome & { readonly version?: number };
}

interface Authority {
  readonly userns: Outcome & { readonly capabilities?: string };
  readonly keyring: Readonly<Record<string, Outcome>>;
}

interface Ways {
  readonly unixsocket: readonly Readonly<Record<string, Outcome>>[];
}

/**
 * Rows S1 to S8 of the reference, on this computer, as an ordinary user. Everything that is refused inside is shown to
 * be there outside: a call that fails in both places would prove nothing.
 */
describe("a sealed command", function () {
  this.timeout(60_000);
  let runtime: string;
  let session: HostSession;
  let server: Server;
  let address: string;
  let inside: Probe;
  let outside: Probe;

  before(async function () {
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    session = await HostSession.open({ runtime });
    const checks = [
      ...["status", "namespaces", "sockets", "attempts", "processes", "fds", "filesystems", "identity"],
      ...["environment", "routes", "foreign", `connect=tcp:${address}`, `connect=udp:${address}`, "dns=example.com"],
      ...["unix=/run/systemd/private", "file=/etc/passwd", "file=/etc/ssh", "file=/home", "file=/root", "file=/run"],
      ...["file=/sessions", "file=/proc/1/environ", "file=/proc/1/root", "mounts"],
    ];
    inside = await session.probe(...checks);
    outside = await session.control(...checks);
  });

  after(async () => {
    await session?.close();
    server?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  it("is started by bubblewrap with the reference's flags (S1, S3)", () => {
    const [first] = inside.processes;
    assert.equal(first?.comm, "bwrap");
    for (const flag of ["--unshare-net", "--unshare-pid", "--die-with-parent", "--new-session"]) {
      assert.ok(first.cmdline.includes(flag), flag);
    }
  });

  for (const name of NAMESPACES) {
    it(`has a private ${name} namespace (S2)`, () => {
      assert.match(inside.namespaces[name] ?? "", /^\w+:\[\d+\]$/);
      assert.notEqual(inside.namespaces[name], outside.namespaces[name]);
    });
  }

  it("runs under at least two seccomp filters more than outside (S4)", () => {
    assert.equal(inside.status["Seccomp"], "2");
    const filters = (status: Record<string, string>) => Number(status["Seccomp_filters"] ?? 0);
    assert.ok(filters(inside.status) - filters(outside.status) >= 2);
  });

  it("cannot gain privileges and has no capability at all (S5, S6)", () => {
    assert.equal(inside.status["NoNewPrivs"], "1");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assert.equal(inside.status[set], "0000000000000000", set);
    }
    assert.equal(outside.status["NoNewPrivs"], "0");
    assert.notEqual(outside.status["CapBnd"], "0000000000000000");
  });

  it("sees bubblewrap, bash, two bridges and itself, as processes 1 to 5 (S7)", () => {
    assert.deepEqual(
      inside.processes.map(({ pid, ppid, comm }) => [pid, ppid, comm]),
      [
        [1, 0, "bwrap"],
        [2, 1, "bash"],
        [3, 2, "socat"],
        [4, 2, "socat"],
        [5, 2, "probe"],
      ],
    );
    assert.match(inside.processes[2]?.cmdline.join(" ") ?? "", /TCP-LISTEN:3128,/);
    assert.match(inside.processes[3]?.cmdline.join(" ") ?? "", /TCP-LISTEN:1080,/);
    assert.ok(outside.processes.length > 0);
  });

  it("has no route, no interface but loopback, no DNS (S8)", () => {
    assert.deepEqual(inside.routes, { routes: [], interfaces: ["lo"] });
    assert.equal(inside.dns[0]?.ok, false);
  });

  it("reaches nothing directly, not even a server of its own computer (S8)", () => {
    assert.deepEqual(
      inside.connect.map(({ ok }) => ok),
      [false, true],
    );
    assert.equal(inside.connect[0]?.errno, "ECONNREFUSED");
    assert.ok(outside.connect[0]?.ok);
  });

  it("cannot make AF_UNIX sockets, but pairs to talk to its children (S8)", () => {
    for (const name of ["unix", "unix-dgram", "pair-dgram"]) {
      assert.equal(inside.sockets[name]?.errno, "EPERM", name);
      assert.ok(outside.sockets[name]?.ok, `control: ${name}`);
    }
    for (const name of ["pair-stream", "pair-seqpacket"]) assert.ok(inside.sockets[name]?.ok, name);
    assert.equal(inside.unix[0]?.errno, "EPERM");
    assert.notEqual(outside.unix[0]?.errno, "EPERM");
  });

  it("has no way to a socket of its own computer, not by either end of a pair", async () => {
    const folder = await mkdtemp(join(session.home, "listens-"));
    const path = join(folder, "socket");
    const listening = createServer((_, response) => response.end()).listen(path);
    await once(listening, "listening");
    await Promise.all([chmod(folder, 0o777), chmod(path, 0o777)]);
    const [tried] = (await session.probe<Ways>(`unixsocket=${path}`)).unixsocket;
    const [control] = (await session.control<Ways>(`unixsocket=${path}`)).unixsocket;
    listening.close();
    const { target: _, ...ways } = tried ?? {};
    assert.equal(Object.keys(ways).length, 6);
    for (const [way, { ok }] of Object.entries(ways)) assert.equal(ok, false, way);
    assert.ok(control?.["stream"]?.ok, "control: it answers outside");
  });

  it("cannot make sockets that its network namespace does not confine", async () => {
    const control = await session.strongControl("sockets");
    for (const name of ["vsock", "packet", "alg", "bluetooth", "can", "xdp", "unspecified", "smc", "tipc", "rds"]) {
      assert.equal(inside.sockets[name]?.errno, "EAFNOSUPPORT", name);
    }
    for (const name of ["netlink-nf", "netlink-audit", "netlink-uevent", "netlink-diag"]) {
      assert.equal(inside.sockets[name]?.errno, "EPROTONOSUPPORT", name);
      assert.ok(outside.sockets[name]?.ok, `control: ${name}`);
    }
    for (const name of USEFUL_SOCKETS) assert.ok(inside.sockets[name]?.ok, name);
    // Vsock is what a virtual machine's control plane would be reached by: it must be the filter that keeps it away.
    assert.ok(control.sockets["vsock"]?.ok, "control: vsock");
  });

  it("cannot make sockets of protocols that come with a kernel module, or that nothing in it needs", async () => {
    for (const [name, errno] of Object.entries(NO_PROTOCOL)) assert.equal(inside.sockets[name]?.errno, errno, name);
    // The kernel's modules decide which of the others exist outside. One of these two is in every kernel of today.
    assert.ok(outside.sockets["inet-udplite"]?.ok || outside.sockets["inet-mptcp"]?.ok, "control: one of them");
    if (process.getuid?.() === 0) {
      const control = await session.strongControl("sockets");
      assert.ok(control.sockets["inet-raw"]?.ok, "control: inet-raw");
    }
    const loaded = Object.values<Partial<Loader>>(inside.sockets).flatMap(({ loaded: names = [] }) => names);
    assert.deepEqual(loaded, []);
  });

  it("cannot make the kernel load a module by a request on a socket or terminal of its own", async () => {
    const refused = ["bridge", "bridge-add", "vlan", "vlan-set", "line-slip", "line-ppp", "line-hdlc", "line-gsm"];
    const [tried, control] = await Promise.all([
      session.probe<{ loaders: Record<string, Loader> }>("loaders"),
      session.control<{ loaders: Record<string, Loader> }>("loaders"),
    ]);
    for (const name of [...refused, "line-tty", "kernel-tls", "iptables"]) {
      assert.deepEqual(tried.loaders[name], { ok: false, errno: "EPERM" }, name);
    }
    for (const name of ["no-delay", "window-size"]) assert.ok(tried.loaders[name]?.ok, name);
    // Outside, the kernel looks for what was asked for before it looks at who asks: for a bridge it has it, and then
    // making one is root's.
    for (const name of ["bridge", "vlan", "kernel-tls"])
      assert.notEqual(control.loaders[name]?.errno, "EPERM", `control: ${name}`);
    assert.ok(control.loaders["line-tty"]?.ok, "control: a line discipline");
  });

  it("cannot look into bubblewrap, bash or the bridges, nor write to them", async function () {
    const { procmem, landlock } = await session.probe<Procmem>("procmem", "landlock");
    const stack = procmem.filter(({ child }) => child !== true);
    assert.deepEqual(
      stack.map(({ comm }) => comm),
      ["bwrap", "bash", "socat", "socat"],
    );
    // A process's own child it may look into, or this would prove nothing.
    const own = procmem.find(({ child }) => child);
    for (const way of LOOKING) assert.ok(own?.ways[way]?.ok, `control: ${way} of a child: ${own?.ways[way]?.errno}`);
    for (const { ways } of stack) {
      for (const way of ["vm-readv", "ptrace", "take-fd"]) assert.equal(ways[way]?.errno, "EPERM", way);
    }
    // Two layers, each enough: the command's Landlock domain, and programs that nobody may read, which are not dumpable.
    const dumpable = stack.some(({ owner }) => owner === USER.uid);
    if (!landlock.ok && dumpable) {
      console.log(`      not looked at: this kernel has no Landlock (${landlock.errno}), and its programs can be read`);
      this.skip();
    }
    for (const { comm, ways } of stack) {
      for (const way of LOOKING) assert.match(ways[way]?.errno ?? "ok", /^(EACCES|EPERM)$/, `${way} of ${comm}`);
    }
    if (Number(landlock.version ?? 0) >= 6) {
      for (const { comm, ways } of stack) {
        for (const way of ["signal", "pid-signal"]) assert.equal(ways[way]?.errno, "EPERM", `${way} to ${comm}`);
      }
    }
    const victim = spawn("sleep", ["60"], { ...asUser, stdio: "ignore" });
    const [outsider] = (await session.control<Procmem>(`procmem=${victim.pid}`)).procmem;
    victim.kill();
    assert.ok(outsider?.ways["environ"]?.ok, "control: outside, one process looks into another of its user");
  });

  it("cannot make a user namespace, nor use a keyring, which it can outside", async () => {
    const tried = await session.probe<Authority>("userns", "keyring");
    const control = await session.control<Authority>("userns", "keyring");
    assert.deepEqual(tried.userns, { ok: false, errno: "EPERM" });
    assert.ok(control.userns.ok, "control: a user namespace");
    assert.notEqual(control.userns.capabilities, "0000000000000000");
    for (const [call, { errno }] of Object.entries(tried.keyring)) assert.equal(errno, "EPERM", call);
    for (const call of ["add", "search", "join"]) assert.ok(control.keyring[call]?.ok, `control: ${call}`);
  });

  /** Calls that the filters refuse, and the error of the same call where it is let through: the kernel looked at its arguments. */
  const REFUSED: Readonly<Record<string, { as: string; control: readonly string[]; strong?: true }>> = {
    "unshare-user": { as: "EPERM", control: ["EINVAL"] },
    "clone-user": { as: "EPERM", control: ["EINVAL"] },
    clone3: { as: "ENOSYS", control: ["EINVAL"] },
    setns: { as: "EPERM", control: ["EBADF"] },
    mount: { as: "EPERM", control: ["EFAULT"] },
    umount: { as: "EPERM", control: ["EFAULT"] },
    chroot: { as: "EPERM", control: ["EFAULT"] },
    open_tree: { as: "EPERM", control: ["EINVAL"] },
    mount_setattr: { as: "EPERM", control: ["EINVAL"] },
    pivot_root: { as: "EPERM", control: ["EFAULT"], strong: true },
    move_mount: { as: "EPERM", control: ["EINVAL"], strong: true },
    fsopen: { as: "EPERM", control: ["EINVAL"], strong: true },
    open_by_handle_at: { as: "EPERM", control: ["EFAULT"], strong: true },
    keyctl: { as: "EPERM", control: ["ok", "ENOKEY"] },
    add_key: { as: "EPERM", control: ["EFAULT"] },
    request_key: { as: "EPERM", control: ["EFAULT"] },
    ptrace: { as: "EPERM", control: ["ESRCH"] },
    process_vm_readv: { as: "EPERM", control: ["ok"] },
    pidfd_getfd: { as: "EPERM", control: ["EBADF"] },
    kcmp: { as: "EPERM", control: ["ESRCH"] },
    perf_event_open: { as: "EPERM", control: ["EFAULT"] },
    userfaultfd: { as: "EPERM", control: ["EINVAL"] },
    fanotify_init: { as: "EPERM", control: ["EINVAL"], strong: true },
    bpf: { as: "EPERM", control: ["EINVAL"], strong: true },
    io_uring_setup: { as: "EPERM", control: ["EFAULT"], strong: true },
    vmsplice: { as: "EPERM", control: ["EBADF"] },
    syslog: { as: "EPERM", control: ["ok"], strong: true },
    reboot: { as: "EPERM", control: ["EINVAL"], strong: true },
    swapon: { as: "EPERM", control: ["EFAULT"], strong: true },
    personality: { as: "EPERM", control: ["ok"] },
    tiocsti: { as: "EPERM", control: ["EBADF"] },
    openat2: { as: "ENOSYS", control: ["EINVAL"] },
    memfd_secret: { as: "ENOSYS", control: ["EINVAL", "ENOSYS"] },
    cachestat: { as: "ENOSYS", control: ["EBADF", "ENOSYS"] },
    "cached-read": { as: "ENOTSUP", control: ["EBADF"] },
    whiteout: { as: "EPERM", control: ["EBADF"] },
    "core-scheduling": { as: "EPERM", control: ["EINVAL"] },
    "encryption-policy": { as: "EPERM", control: ["EBADF"] },
    "encryption-key": { as: "EPERM", control: ["EBADF"] },
    verity: { as: "EPERM", control: ["EBADF"] },
    project: { as: "EPERM", control: ["EBADF"] },
    lease: { as: "EINVAL", control: ["EBADF"] },
    "uncached-read": { as: "ENOTSUP", control: ["EBADF"] },
    "socket-filter": { as: "EPERM", control: ["EBADF"] },
    "flow-label": { as: "EPERM", control: ["EBADF"] },
    "signed-segments": { as: "EPERM", control: ["EBADF"] },
    "esp-in-udp": { as: "EPERM", control: ["EBADF"] },
    "esp-in-udp-lite": { as: "EPERM", control: ["EBADF"] },
    "out-of-band": { as: "ENOTSUP", control: ["EBADF"] },
    io_setup: { as: "ENOSYS", control: ["EFAULT"] },
    "seccomp-listener": { as: "EPERM", control: ["EFAULT"] },
  };
  for (const [call, { as, control, strong }] of Object.entries(REFUSED)) {
    it(`is refused ${call}, which is there outside`, async () => {
      assert.deepEqual(inside.attempts[call], { ok: false, errno: as });
      // Some calls are root's only: without root there is nothing to compare with, and the refusal is all that is known.
      if (strong && process.getuid?.() !== 0) return;
      const { attempts } = strong ? await session.strongControl("attempts") : outside;
      const seen = attempts[call]?.ok ? "ok" : attempts[call]?.errno;
      assert.ok(control.includes(seen ?? ""), `control: ${call} ended with ${seen}`);
    });
  }

  it("keeps the calls that programs need", () => {
    assert.ok(inside.attempts["unshare-files"]?.ok);
    assert.ok(inside.attempts["personality-query"]?.ok);
    // A filter of one's own may be added: EINVAL is for the probe's flags.
    assert.equal(inside.attempts["seccomp"]?.errno, "EINVAL");
    // So may a Landlock domain: the call is reached, or the kernel has none.
    assert.match(inside.attempts["landlock"]?.errno ?? "", /^(EINVAL|EBADF|ENOSYS|EOPNOTSUPP)$/);
  });

  if (process.arch === "x64") {
    it("is killed for a 32-bit call, and gets ENOSYS for one of the x32 ABI", () => {
      assert.deepEqual(inside.foreign, { ok: false, signal: "SIGSYS" });
      assert.deepEqual(outside.foreign, { ok: true });
      assert.equal(inside.attempts["x32-getpid"]?.errno, "ENOSYS");
    });
  }

  it("is its own user without other groups, on a machine called claude", () => {
    const { uid, gid, hostname, home, cwd, groups } = inside.identity;
    assert.deepEqual({ uid, gid, hostname, home, cwd }, { ...USER, hostname: "claude", home: session.home, cwd: home });
    assert.ok(groups.every((group) => group === USER.gid || group === 65_534));
  });

  it("has a small environment of its own, with both proxies", () => {
    const token = session.proxy.token;
    const { environment } = inside;
    assert.equal(environment["HTTP_PROXY"], `http://srt:${token}@localhost:3128`);
    assert.equal(environment["https_proxy"], environment["HTTP_PROXY"]);
    assert.equal(environment["ALL_PROXY"], `socks5h://srt:${token}@localhost:1080`);
    assert.equal(environment["NO_PROXY"], "localhost,127.0.0.1,::1");
    assert.equal(environment["NODE_USE_ENV_PROXY"], "1");
    assert.equal(environment["NODE_OPTIONS"], "--disable-warning=UNDICI-EHPA");
    assert.equal(environment["IS_SANDBOX"], "yes");
    assert.equal(environment["TMPDIR"], "/tmp");
    assert.ok(Object.keys(environment).length < 35);
  });

  it("inherits no variable and no descriptor of whoever starts it", async () => {
    const { command, secrets } = await session.launch([session.probePath, "fds", "environment"]);
    const extra = openSync("/etc/hostname", "r");
    const options = { cwd: "/", env: { ...process.env, CLOISTER_SECRET: "x" } } as const;
    const more = [extra, extra, extra, extra, extra, extra, extra, extra, extra] as const;
    const read = async (child: ChildProcess) => {
      const finished = await finish(child);
      assert.equal(finished.code, 0, finished.stderr);
      return JSON.parse(finished.stdout) as Probe;
    };
    const [program = "", ...args] = command;
    const chain = spawn(program, args, { ...options, stdio: [...chainStdio(), ...more] });
    writeSecrets(chain, secrets);
    (chain.stdio[4] as Readable).resume();
    const sealed = await read(chain);
    assert.deepEqual(
      sealed.fds.map(({ fd }) => fd),
      [0, 1, 2],
    );
    assert.equal(sealed.environment["CLOISTER_SECRET"], undefined);
    const control = await read(
      spawn(session.probePath, ["fds", "environment"], {
        ...options,
        ...asUser,
        stdio: ["ignore", "pipe", "pipe", ...more],
      }),
    );
    assert.ok(control.fds.length > 3);
    assert.equal(control.environment["CLOISTER_SECRET"], "x");
  });

  it("writes to its home, /tmp and /dev/shm, and nowhere else", () => {
    const writable = Object.entries(inside.filesystems)
      .filter(([, { writable: can }]) => can)
      .map(([path]) => path);
    assert.deepEqual(new Set(writable), new Set(["/tmp", "/dev/shm", "/var/tmp", session.home]));
  });

  it("has a /tmp and a /dev/shm of limited size when bubblewrap makes them", async function () {
    const { stdout } = await execa("bwrap", ["--help"]);
    // On machines the size comes from a file system made by root: bubblewrap has --size since 0.7.
    if (!stdout.includes("--size")) this.skip();
    const sizeBytes = 8 * 1024 * 1024;
    const finished = await session.run([session.probePath, "filesystems"], { scratch: { kind: "tmpfs", sizeBytes } });
    const { filesystems } = JSON.parse(finished.stdout) as Probe;
    for (const path of ["/tmp", "/dev/shm"]) {
      assert.equal(filesystems[path]?.type, "tmpfs");
      assert.equal(filesystems[path]?.sizeBytes, sizeBytes);
      assert.ok(filesystems[path]?.writable);
    }
  });

  it("sees no file of the machine's that is not a program's", () => {
    const entries = (path: string) => inside.file.find((file) => file.path === path)?.entries ?? [];
    for (const path of ["/home", "/root", "/sessions"]) assert.deepEqual(entries(path), [], path);
    assert.deepEqual(entries("/run"), ["cloister"]);
    // The session's own settings, not the machine's: no key of a host is there.
    assert.deepEqual(entries("/etc/ssh"), ["ssh_config"]);
    assert.ok(inside.file.find(({ path }) => path === "/etc/passwd")?.ok);
    // No mount of the machine that is not shown is so much as named.
    assert.ok(inside.mounts.every((line) => !/ \/(run|boot|sessions)(?!\/cloister\/(egress|programs)) /.test(line)));
  });

  it("sees no other user in /etc/passwd", async () => {
    const { stdout } = await session.run(["cat", "/etc/passwd"]);
    const names = stdout.split("\n").flatMap((line) => line.split(":")[0] || []);
    assert.deepEqual(names, ["root", "nobody", "calm-testing-turing"]);
    assert.equal((await session.run(["id", "-un"])).stdout, "calm-testing-turing\n");
  });

  it("passes the command's exit code and outputs on", async () => {
    const finished = await session.run(["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert.deepEqual(finished, { code: 7, signal: null, stdout: "out\n", stderr: "err\n" });
    assert.equal((await session.run(["sh", "-c", "kill -TERM $$"])).code, 143);
  });

  it("says what is wrong when the command is not there, or not executable", async () => {
    const missing = await session.run(["no-such-command"]);
    assert.deepEqual([missing.code, missing.stderr.includes("no-such-command: command not found in")], [127, true]);
    const path = `${session.home}/not-a-program`;
    const denied = await session.run(["sh", "-c", `echo > ${path}; exec ${runtime}/bin/apply-seccomp -- ${path}`]);
    assert.deepEqual([denied.code, denied.stderr], [126, `cloister: ${path}: permission denied\n`]);
  });

  it("says which bridge does not listen, when one does not", async () => {
    const waiting = [`${runtime}/bin/apply-seccomp`, "--wait", "3128,3999", "--wait-ms", "300", "--", "/bin/true"];
    const finished = await session.run(waiting);
    assert.equal(finished.code, 125);
    assert.match(finished.stderr, /nothing listens on port 3999 after 300ms: the bridge .* did not start/);
  });

  it("runs nothing of the session's before the last filter, whatever variables it is given", async () => {
    // What these name is run by bash, or by every program, where they are in its environment.
    await session.run(["bash", "-c", `echo 'echo "$$ ran it"' > early; cp /bin/true early-program`]);
    const early = { BASH_ENV: `${session.home}/early`, PATH: `${session.home}:/usr/bin:/bin`, HOME: session.home };
    const finished = await session.run(["bash", "-c", "true"], { environment: early });
    assert.match(finished.stdout, /^\d+ ran it\n$/, "the command's own bash, and no other");
    assert.notEqual(finished.stdout, "2 ran it\n");
  });

  it("dies with whoever started it, and all its processes with it", async () => {
    const mark = `98765${process.pid}`;
    // The parent is a process of its own, so that it can be killed: it starts the chain and waits. Which one it is is not known before.
    const outside = { openFiles: OPEN_FILES, since: 0n };
    const script = `sleep ${mark} & setsid sleep ${mark} & sleep ${mark}; true`;
    const { command, secrets } = await session.launch(
      ["sh", "-c", script],
      process.getuid?.() === 0 ? { outside } : {},
    );
    const parent = spawn("sh", ["-c", '"$@"; exit 0', "sh", ...command], { cwd: "/", stdio: chainStdio() });
    writeSecrets(parent, secrets);
    (parent.stdio[4] as Readable).resume();
    const alive = async () => (await execa("pgrep", ["-f", `^sleep ${mark}$`], { reject: false })).stdout.split("\n");
    const until = async (count: number) => {
      for (let i = 0; i < 100; i++) {
        const found = (await alive()).filter((pid) => pid !== "").length;
        if (found === count) return found;
        await sleep(50);
      }
      return (await alive()).filter((pid) => pid !== "").length;
    };
    assert.equal(await until(3), 3, "control: all three processes run");
    parent.kill("SIGKILL");
    assert.equal(await until(0), 0, "processes outlive the one that started them");
  });

  it("runs node, python, git and bash with children, threads and pipes", async () => {
    const node = `
      const { execSync } = require("node:child_process");
      const { Worker } = require("node:worker_threads");
      const worker = new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
      worker.on("message", (n) => console.log(n, execSync("echo child").toString().trim(),
        Object.keys(require("node:os").networkInterfaces()).join(), require("node:os").cpus().length > 0));`;
    const ran = await session.run(["node", "-e", node]);
    assert.equal(ran.stdout, "42 child lo true\n", ran.stderr);
    const python =
      "import subprocess, threading, multiprocessing as m, tempfile, sqlite3\n" +
      "t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n" +
      "print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout.strip())\n" +
      "with m.get_context('fork').Pool(2) as p: print(p.map(abs, [-1, -2]))\n" +
      "tempfile.NamedTemporaryFile().write(b'x')\n";
    const snake = await session.run(["/usr/bin/python3", "-c", python]);
    assert.equal(snake.stdout, "thread\nchild\n[1, 2]\n", snake.stderr);
    const git =
      "git init -q repo && cd repo && git config user.email a@b.example && git config user.name a && " +
      "echo x > x && git add x && git commit -q -m first && git log --oneline | wc -l";
    const repository = await session.run(["bash", "-c", git]);
    assert.equal(repository.stdout, "1\n", repository.stderr);
  });

  it("starts no handler of the machine's by a crash, whatever it makes of its limits", async function () {
    // Without root the launcher sets no limits, and nobody can change the handler.
    if (process.getuid?.() !== 0) this.skip();
    const crash = `
import ctypes, mmap, os, resource, signal, sys
print(resource.getrlimit(resource.RLIMIT_CORE))
def crash(limit):
    pid = os.fork()
    if pid == 0:
        limit()
        os.kill(os.getpid(), signal.SIGSEGV)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
none = (ctypes.c_ulong * 2)(0, 0)
libc = ctypes.CDLL(None)
crash(lambda: None)
crash(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])))
crash(lambda: libc.syscall(160 if os.uname().machine == "x86_64" else 164, 4, none))`;
    const pattern = "/proc/sys/kernel/core_pattern";
    const before = await readFile(pattern, "utf8");
    const folder = await mkdtemp(join(tmpdir(), "cloister-handler-"));
    // The pattern is the whole computer's: it must not stay when the tests are ended.
    const ended = (signal: NodeJS.Signals) => {
      writeFileSync(pattern, before);
      process.off("SIGINT", ended).off("SIGTERM", ended);
      process.kill(process.pid, signal);
    };
    process.on("SIGINT", ended).on("SIGTERM", ended);
    try {
      await writeFile(
        join(folder, "handler"),
        `#!/bin/sh\ncat > /dev/null\n[ "$1" != ${USER.uid} ] || echo "$(id -u)" >> ${folder}/started\n`,
        { mode: 0o755 },
      );
      await writeFile(pattern, `|${folder}/handler %u`);
      const started = async () => await readFile(join(folder, "started"), "utf8").catch(() => "");
      // The handler starts after the crash. The control shows how long after.
      await execa("/usr/bin/python3", ["-c", crash], asUser);
      const crashed = Date.now();
      for (const end = crashed + 10_000; (await started()) === "" && Date.now() < end; ) await sleep(20);
      const delay = Date.now() - crashed;
      assert.match(await started(), /^0\n/, "control: outside the same crash starts it, as root");
      // For the control's two other crashes, so that none counts as the session's.
      await sleep(delay + 1_000);
      await rm(join(folder, "started"));
      const { stdout } = await session.run(["/usr/bin/python3", "-c", crash]);
      assert.equal(stdout, "(1, 1)\n11\n11\n11\n", "it crashed each time");
      await sleep(delay + 1_000);
      assert.equal(await started(), "");
    } finally {
      await writeFile(pattern, before);
      process.off("SIGINT", ended).off("SIGTERM", ended);
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("marks when its first instruction ran", async () => {
    const before = Date.now();
    const child = await session.spawn(["true"]);
    const [text] = (await once(child.stdio[4] as Readable, "data")) as [Buffer];
    const at = Number(text) / 1e6;
    assert.ok(at >= before - 1 && at <= Date.now() + 1, `${before} ${at}`);
  });
});
