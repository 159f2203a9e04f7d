import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse, parseDocument } from "yaml";
import type { Expected } from "../../../../contract/machine.ts";
import { defaultsOf, REFERENCE, type Reference, valuesOf } from "../../../../contract/reference.ts";
import { expectation } from "../../../../contract/reference-row.ts";
import { type AgentFacts, judgeAgent } from "../../../../guest/verify/judge/agent.ts";
import { type DiskFacts, judgeDisks, type MountedDisk } from "../../../../guest/verify/judge/disks.ts";
import { type EgressFacts, judgeEgress } from "../../../../guest/verify/judge/egress.ts";
import { type ExpectedMachine, judgeMachine, type MachineFacts } from "../../../../guest/verify/judge/machine.ts";
import { judgeSandbox, type SandboxFacts } from "../../../../guest/verify/judge/sandbox.ts";
import { judgeSessions, type SessionFacts } from "../../../../guest/verify/judge/sessions.ts";
import { judgeSystem, type SystemFacts } from "../../../../guest/verify/judge/system.ts";
import type { Verdict, Verdicts } from "../../../../guest/verify/judge/verdict.ts";
import type { ProbeReport } from "../../../../guest/verify/probe-report.ts";
import { parseReference } from "../../../../tools/docs/reference-rows.ts";

/** Facts as the reference has them; each test changes one and says which row must notice. */
type Change = Record<string, unknown>;

function same(verdicts: Verdicts, ...but: string[]): void {
  for (const [id, verdict] of Object.entries(verdicts)) {
    if (!but.includes(id)) assert.ok(isOk(verdict), `${id}: ${JSON.stringify(verdict)}`);
  }
}
const isOk = (verdict: Verdict | undefined) => verdict !== undefined && "ok" in verdict && verdict.ok;
const reasonOf = (verdict: Verdict | undefined) =>
  verdict === undefined ? "no verdict" : "ok" in verdict ? (verdict.reason ?? "ok") : JSON.stringify(verdict);

/** What a stack asks for that configures nothing. */
const expected: Expected & ExpectedMachine = {
  hostname: "claude",
  cpus: [4],
  memoryMiB: 4096,
  sessionMemoryMiB: 3891,
  rootDiskGiB: 10,
  sessionDiskGiB: 10,
};
const seenOf = (verdict: Verdict | undefined) => (verdict && "seen" in verdict ? (verdict.seen ?? "") : "");

const GIB = 1024 * 1024;
const machine: MachineFacts = {
  architecture: "aarch64",
  cpus: 4,
  cpuFeatures: "fp asimd aes pmull sha1 sha2 crc32 atomics sha3 sha512 paca pacg bti".split(" "),
  bogoMips: 48,
  memoryTotalKiB: 3.8 * GIB,
  memoryAvailableKiB: 2.75 * GIB,
  ownMemoryKiB: 0.1 * GIB,
  sessionsMemoryKiB: 3.8 * GIB,
  swaps: [],
};

describe("judging the machine", () => {
  const judge = (change: Partial<MachineFacts>, wish: Partial<ExpectedMachine> = {}) =>
    judgeMachine({ ...machine, ...change }, { ...expected, ...wish });

  it("finds the reference's machine right", () => same(judge({})));
  it("notices another architecture, processors or their features", () => {
    same(judge({ architecture: "x86_64", cpus: 2, cpuFeatures: ["aes", "bti"] }), "M1", "M2", "M3");
    assert.equal(reasonOf(judge({ cpuFeatures: ["aes", "bti"] })["M3"]).startsWith("missing: pmull, sha1"), true);
    assert.equal(isOk(judge({ cpus: 2 })["M2"]), false);
  });
  it("notices too little memory", () => {
    assert.equal(reasonOf(judge({ memoryTotalKiB: 2 * GIB })["M4"]), "too little memory");
    assert.equal(isOk(judge({ memoryAvailableKiB: 2.5 * GIB })["M5"]), false);
  });
  it("accepts a larger machine only when sessions may not use more", () => {
    assert.ok(isOk(judge({ memoryTotalKiB: 16 * GIB })["M4"]));
    assert.equal(isOk(judge({ memoryTotalKiB: 16 * GIB, sessionsMemoryKiB: 8 * GIB })["M4"]), false);
    const { sessionsMemoryKiB: _, ...unlimited } = machine;
    assert.equal(isOk(judgeMachine({ ...unlimited, memoryTotalKiB: 16 * GIB }, expected)["M4"]), false);
  });
  it("holds processors and memory against what was asked for, and says that it is not the default", () => {
    const more = judge({ cpus: 8 }, { cpus: [8, 16] });
    assert.ok(isOk(more["M2"]));
    assert.equal(seenOf(more["M2"]), "8 (configured: not the default)");
    assert.equal(reasonOf(judge({ cpus: 4 }, { cpus: [8, 16] })["M2"]), "8 or 16 are promised");
    const small = { memoryTotalKiB: 1.8 * GIB, memoryAvailableKiB: 0.9 * GIB };
    const less = judge(small, { memoryMiB: 2048 });
    assert.ok(isOk(less["M4"]) && isOk(less["M5"]));
    assert.match(seenOf(less["M4"]), /1\.80 GiB \(configured: not the default\)/);
    same(
      judge({ ...small, memoryTotalKiB: 1.6 * GIB, memoryAvailableKiB: 0.6 * GIB }, { memoryMiB: 2048 }),
      "M4",
      "M5",
    );
    assert.equal(isOk(judge({ ...small, memoryTotalKiB: 1.6 * GIB }, { memoryMiB: 2048 })["M4"]), false);
    assert.equal(isOk(judge({ ...small, memoryAvailableKiB: 0.6 * GIB }, { memoryMiB: 2048 })["M5"]), false);
    assert.equal(seenOf(judge({ cpus: 4 }, { cpus: [4, 8] })["M2"]), "4");
    const large = { memoryTotalKiB: 16 * GIB, sessionsMemoryKiB: 8 * GIB };
    assert.ok(isOk(judge(large, { sessionMemoryMiB: 8192 })["M4"]));
    assert.match(seenOf(judge(large, { sessionMemoryMiB: 8192 })["M4"]), /sessions may use 8\.00 GiB \(configured/);
    assert.equal(reasonOf(judge(large, { sessionMemoryMiB: 6000 })["M4"]), "sessions may use more than was asked for");
    same(judge({}));
    assert.equal(seenOf(judge({})["M2"]), "4");
  });
  it("notices swap and another timer", () => {
    same(judge({ swaps: ["/dev/zram0"], bogoMips: 2.4 }), "M6", "M7");
    assert.equal(isOk(judge({ swaps: ["/dev/zram0"] })["M6"]), false);
  });
});

const root: MountedDisk = {
  at: "/",
  type: "ext4",
  device: "nvme1n1p1",
  partition: 1,
  disk: "nvme1n1",
  diskBytes: 10 * 1024 ** 3,
  labels: ["cloudimg-rootfs"],
  bytes: 9.6e9,
};
const disks: DiskFacts = {
  root,
  efi: {
    ...root,
    at: "/boot/efi",
    type: "vfat",
    device: "nvme1n1p15",
    partition: 15,
    labels: ["UEFI"],
    bytes: 102_156_288,
  },
  sessions: whole({ ...root, at: "/sessions", device: "nvme0n1", disk: "nvme0n1", labels: ["sessions"] }),
  sessionLabel: "sessions",
  generations: ["a", "b"],
  generation: "b",
};
function whole({ partition: _, ...disk }: MountedDisk): MountedDisk {
  return disk;
}

describe("judging the disks", () => {
  const mounted = { ...root, at: "/sessions" };
  const judge = (change: Partial<DiskFacts>, wish: Partial<Expected> = {}) =>
    judgeDisks({ ...disks, ...change }, { ...expected, ...wish });

  it("finds the reference's disks right, in any order", () => {
    same(judge({}));
    assert.match(JSON.stringify(judge({})["D2"]), /98M/);
  });
  for (const [what, change] of [
    ["no label", { labels: [] }],
    ["another partition", { partition: 2 }],
    ["another type", { type: "xfs" }],
    ["another size", { diskBytes: 20e9 }],
    ["another bus", { disk: "vda" }],
  ] as const) {
    it(`notices a root disk of ${what}`, () => {
      same(judge({ root: { ...root, ...change } }), "D1");
      assert.equal(isOk(judge({ root: { ...root, ...change } })["D1"]), false);
    });
  }
  it("notices a session disk that is a partition, or has another label", () => {
    assert.equal(
      reasonOf(judge({ sessions: { ...mounted, labels: ["sessions"] } })["D3"]),
      "partition 1, not whole disk",
    );
    assert.equal(reasonOf(judge({ sessions: whole(mounted) })["D3"]), "no label sessions");
  });
  it("holds sizes against what was asked for; a session disk may have grown", () => {
    const grown = { ...root, diskBytes: 20 * 1024 ** 3 };
    assert.ok(isOk(judge({ root: grown }, { rootDiskGiB: 20 })["D1"]));
    assert.match(seenOf(judge({ root: grown }, { rootDiskGiB: 20 })["D1"]), /configured: not the default/);
    assert.equal(reasonOf(judge({}, { rootDiskGiB: 20 })["D1"]), "not 20 GB");
    const sessions = (gib: number) => whole({ ...mounted, labels: ["sessions"], diskBytes: gib * 1024 ** 3 });
    assert.ok(isOk(judge({ sessions: sessions(50) })["D3"]));
    assert.match(seenOf(judge({ sessions: sessions(50) })["D3"]), /configured: not the default/);
    assert.equal(reasonOf(judge({ sessions: sessions(5) })["D3"]), "less than 10 GB");
    assert.ok(isOk(judge({ sessions: sessions(5) }, { sessionDiskGiB: 5 })["D3"]));
  });
  it("notices what is not mounted", () => {
    const verdicts = judgeDisks({ sessionLabel: "sessions" }, expected);
    for (const id of ["D1", "D2", "D3"]) assert.equal(isOk(verdicts[id]), false);
  });
  it("judges the session disk's survival only where it can be seen", () => {
    assert.ok("notApplicable" in (judge({ generations: ["b"] })["D4"] ?? {}));
    assert.ok("notApplicable" in (judge({ generations: [] })["D4"] ?? {}));
    assert.equal(isOk(judge({ generation: "c" })["D4"]), false);
  });
});

const system: SystemFacts = {
  osRelease: { PRETTY_NAME: "Ubuntu 22.04.5 LTS", ID: "ubuntu" },
  kernelRelease: "6.8.0-90-generic",
  kernelVersion: "#91~22.04.1-Ubuntu SMP PREEMPT_DYNAMIC Thu Nov 20",
  hostname: "claude",
  sessionHostname: "claude",
  uefi: true,
};

describe("judging the system", () => {
  it("finds the reference's system right", () => same(judgeSystem(system, expected)));
  it("notices differences", () => {
    const verdicts = judgeSystem(
      {
        osRelease: { PRETTY_NAME: "Debian GNU/Linux 13 (trixie)" },
        kernelRelease: "6.12.1-cloud-amd64",
        kernelVersion: "#1 SMP",
        hostname: "host",
        uefi: false,
      },
      expected,
    );
    for (const id of ["O1", "O2", "O3", "O4"]) assert.equal(isOk(verdicts[id]), false, id);
    assert.equal(reasonOf(verdicts["O2"]), "not of the 6.8 series; not PREEMPT_DYNAMIC");
  });
  it("takes another host name when it was asked for", () => {
    const box = { ...system, hostname: "box", sessionHostname: "box" };
    assert.ok(isOk(judgeSystem(box, { hostname: "box" })["O3"]));
    assert.equal(seenOf(judgeSystem(box, { hostname: "box" })["O3"]), "box (configured: not the default)");
    assert.match(reasonOf(judgeSystem(system, { hostname: "box" })["O3"]), /^box was asked for/);
  });
  it("looks at the host name of a session as well", () => {
    const box = { ...system, hostname: "box", sessionHostname: "claude" };
    const verdict = judgeSystem(box, { hostname: "box" })["O3"];
    assert.equal(reasonOf(verdict), "a session is to be box as well");
    assert.equal(seenOf(verdict), "box, in a session claude (configured: not the default)");
    const { sessionHostname: _, ...alone } = system;
    assert.equal(reasonOf(judgeSystem(alone, expected)["O3"]), "no session told its own");
  });
  it("reports Ubuntu 24.04 as another distribution, and excuses a machine whose stack asked for it", () => {
    const judge = (name: string, kernelRelease: string, wish: Pick<Expected, "ubuntu"> = { ubuntu: "24.04" }) => {
      const facts = { ...system, osRelease: { PRETTY_NAME: name, ID: "ubuntu" }, kernelRelease };
      const { O1, O2 } = judgeSystem(facts, { ...expected, ...wish });
      return [O1, O2].map((found) => found && "ok" in found && [found.ok, found.ok || found.excuse !== undefined]);
    };
    assert.deepEqual(judge("Ubuntu 24.04.3 LTS", "6.8.0-90-generic")[0], [false, true]);
    assert.deepEqual(judge("Ubuntu 24.04.3 LTS", "6.8.0-90-generic")[1], [true, true]);
    assert.deepEqual(judge("Ubuntu 24.04.3 LTS", "6.14.0-1010-aws")[1], [false, true]);
    assert.deepEqual(judge("Ubuntu 25.10", "6.17.0-5-generic"), [
      [false, false],
      [false, false],
    ]);
    assert.deepEqual(judge("Ubuntu 24.04.3 LTS", "6.14.0-1010-aws", {}), [
      [false, false],
      [false, false],
    ]);
    assert.deepEqual(judge("Ubuntu 22.04.5 LTS", "6.8.0-90-generic"), [
      [false, false],
      [true, true],
    ]);
    assert.deepEqual(judge("Ubuntu 22.04.5 LTS", "6.8.0-90-generic", {}), [
      [true, true],
      [true, true],
    ]);
  });
  it("excuses Ubuntu's kernel for AWS for its preemption alone", () => {
    const judge = (kernelRelease: string, kernelVersion = "#33~22.04.1-Ubuntu SMP Fri Jun 20") => {
      const found = judgeSystem({ ...system, kernelRelease, kernelVersion }, expected)["O2"];
      return found && "ok" in found ? [found.ok, found.excuse !== undefined] : [];
    };
    assert.deepEqual(judge("6.8.0-1031-aws"), [false, true]);
    assert.deepEqual(judge("6.8.0-90-generic"), [false, false]);
    assert.deepEqual(judge("5.15.0-1080-aws"), [false, false]);
    assert.deepEqual(judge("6.8.0-1031-aws", "#33-Ubuntu SMP PREEMPT_DYNAMIC Fri"), [true, false]);
  });
});

const NS = ["net", "pid", "mnt", "user", "ipc", "uts", "cgroup"];
const zero = "0000000000000000";
const full = "000001ffffffffff";
const caps = (bound: string) => ({ CapInh: zero, CapPrm: zero, CapEff: zero, CapBnd: bound, CapAmb: zero });
const FORBIDDEN = ["tcp:127.0.0.1:4000", "tcp:169.254.169.254:80"];

const inside = {
  status: { Seccomp: "2", Seccomp_filters: "2", NoNewPrivs: "1", ...caps(zero) },
  namespaces: Object.fromEntries(NS.map((name) => [name, `${name}:[2]`])),
  unix: [{ target: "/s", ok: false, errno: "EPERM" }],
  processes: [
    {
      pid: 1,
      comm: "bwrap",
      cmdline: ["bwrap", "--unshare-net", "--unshare-pid", "--die-with-parent", "--new-session", "--", "bash"],
    },
    { pid: 2, comm: "bash", cmdline: ["bash", "-c", "socat TCP-LISTEN:3128"] },
    { pid: 3, comm: "socat", cmdline: ["socat", "TCP-LISTEN:3128,fork", "UNIX-CONNECT:/x/http.sock"] },
    { pid: 4, comm: "socat", cmdline: ["socat", "TCP-LISTEN:1080,fork", "UNIX-CONNECT:/x/socks.sock"] },
    { pid: 5, comm: "bash", cmdline: ["bash", "-c", "..."] },
    { pid: 9, comm: "probe", cmdline: ["probe"] },
  ],
  identity: { uid: 20_001, gid: 20_001, hostname: "claude", cwd: "/sessions/a-b-c", home: "/sessions/a-b-c" },
  environment: {
    HTTP_PROXY: "http://srt:t@localhost:3128",
    HTTPS_PROXY: "http://srt:t@localhost:3128",
    ALL_PROXY: "socks5h://srt:t@localhost:1080",
    FTP_PROXY: "socks5h://srt:t@localhost:1080",
    GRPC_PROXY: "socks5h://srt:t@localhost:1080",
  },
  routes: { routes: [], interfaces: ["lo"] },
  shm: { shm: [], sem: [], msg: [] },
  dns: [{ name: "claude", ok: false }],
  http: [
    { url: "http://model.test/", status: 200 },
    { url: "http://denied.test/", status: 403, body: "blocked by network allowlist\n" },
    { url: "https://denied.test/", status: 403, body: "blocked by network allowlist\n" },
    { url: "http://169.254.169.254/", status: 403 },
  ],
  socks: [
    { target: "allowed.test:443", reply: 4 },
    { target: "denied.test:443", reply: 2 },
  ],
  connect: [
    { target: FORBIDDEN[0] ?? "", ok: false, errno: "ECONNREFUSED" },
    { target: FORBIDDEN[1] ?? "", ok: false, errno: "ENETUNREACH" },
    { target: "tcp:127.0.0.1:8765", ok: false, errno: "ECONNREFUSED" },
  ],
  file: [
    { path: "/sessions/d-e-f", ok: false, errno: "ENOENT" },
    { path: "/tmp/kept", ok: false, errno: "ENOENT" },
    { path: "/sessions/a-b-c/mnt/ro/given", ok: true },
  ],
  write: [
    { path: "/sessions/a-b-c/mnt/ro/made", made: { ok: false, errno: "EROFS" } },
    { path: "/sessions/a-b-c/mnt/rw/made", made: { ok: true }, removed: { ok: true } },
    { path: "/sessions/a-b-c/mnt/rwd/made", made: { ok: true }, removed: { ok: true } },
  ],
  remove: [
    { path: "/sessions/a-b-c/mnt/ro/given", ok: false, errno: "EROFS" },
    { path: "/sessions/a-b-c/mnt/rw/given", ok: false, errno: "EPERM" },
    { path: "/sessions/a-b-c/mnt/rwd/given", ok: true },
  ],
} satisfies ProbeReport;
const outside = {
  status: caps(full),
  namespaces: Object.fromEntries(NS.map((name) => [name, `${name}:[1]`])),
  unix: [{ target: "/s", ok: true }],
  routes: { routes: ["ens1 0"], interfaces: ["lo", "ens1"] },
  dns: [{ name: "claude", ok: true }],
  connect: [{ target: FORBIDDEN[0] ?? "", ok: true }],
} satisfies ProbeReport;

describe("judging the sandbox", () => {
  const judge = (change: Change, control: Change = {}) =>
    judgeSandbox({ inside: { ...inside, ...change }, outside: { ...outside, ...control } } as SandboxFacts);

  it("finds the reference's sandbox right", () => same(judge({})));

  const status = (change: Record<string, string>) => ({ status: { ...inside.status, ...change } });
  const processes = (pid: number, change: Change) => ({
    processes: inside.processes.map((process) => (process.pid === pid ? { ...process, ...change } : process)),
  });
  for (const [what, change, ...rows] of [
    ["a launcher that is not bubblewrap", processes(1, { comm: "sh" }), "S1", "S7"],
    ["a shared namespace", { namespaces: { ...inside.namespaces, ipc: "ipc:[1]" } }, "S2"],
    ["a namespace that is not told", { namespaces: {} }, "S2"],
    ["a missing flag", processes(1, { cmdline: ["bwrap", "--unshare-net", "--", "--new-session"] }), "S3"],
    ["a single filter", status({ Seccomp_filters: "1" }), "S4"],
    ["no seccomp", status({ Seccomp: "0" }), "S4"],
    ["new privileges", status({ NoNewPrivs: "0" }), "S5"],
    ["a bounding set", status({ CapBnd: full }), "S6"],
    ["an effective capability", status({ CapEff: "0000000000200000" }), "S6"],
    ["bridges in another order", processes(3, { cmdline: ["socat", "TCP-LISTEN:1080"] }), "S7"],
    ["a missing process", { processes: inside.processes.slice(0, 4) }, "S7"],
    ["a route", { routes: { routes: ["eth0"], interfaces: ["lo"] } }, "S8"],
    ["an interface", { routes: { routes: [], interfaces: ["lo", "eth0"] } }, "S8"],
    ["DNS", { dns: [{ name: "claude", ok: true }] }, "S8"],
    ["AF_UNIX sockets", { unix: [{ target: "/s", ok: true }] }, "S8"],
    ["AF_UNIX sockets that only find nobody", { unix: [{ target: "/s", ok: false, errno: "ENOENT" }] }, "S8"],
  ] as [string, Change, ...string[]][]) {
    it(`notices ${what}`, () => {
      const verdicts = judge(change);
      same(verdicts, ...rows);
      for (const row of rows) assert.equal(isOk(verdicts[row]), false, row);
    });
  }

  for (const [what, control, row] of [
    ["namespaces", { namespaces: {} }, "S2"],
    ["capabilities", { status: caps(zero) }, "S6"],
    ["AF_UNIX", { unix: [{ target: "/s", ok: false, errno: "EPERM" }] }, "S8"],
    ["DNS", { dns: [{ name: "claude", ok: false }] }, "S8"],
    ["routes", { routes: { routes: [], interfaces: [] } }, "S8"],
  ] as [string, Change, string][]) {
    it(`believes no refusal whose control fails too: ${what}`, () => {
      assert.match(reasonOf(judge({}, control)[row]), /control/);
    });
  }

  it("does not take silence for a promise kept", () => {
    const verdicts = judgeSandbox({ inside: {}, outside: {} });
    for (const [id, verdict] of Object.entries(verdicts)) assert.equal(isOk(verdict), false, id);
  });
});

const AUDIT = [
  { session: "a-b-c", host: "denied.test", port: 80, via: "http", verdict: "denied", reason: "not allowed" },
  { session: "a-b-c", host: "model.test", port: 80, via: "http", verdict: "allowed", reason: "the model" },
];
const egress: EgressFacts = {
  session: "a-b-c",
  inside,
  outside,
  escaped: { connect: [{ target: FORBIDDEN[0] ?? "", ok: false, errno: "EPERM" }] },
  audit: AUDIT,
  allowedUrl: "http://model.test/",
  allowedTarget: "allowed.test:443",
  deniedUrls: ["http://denied.test/", "https://denied.test/"],
  deniedTarget: "denied.test:443",
  forbiddenUrls: ["http://169.254.169.254/"],
  forbiddenTargets: FORBIDDEN,
};

describe("judging the way out", () => {
  const judge = (change: Change, more: Partial<EgressFacts> = {}) =>
    judgeEgress({ ...egress, inside: { ...inside, ...change } as ProbeReport, ...more });
  const http = (url: string, change: Change) => ({
    http: inside.http.map((answer) => (answer.url === url ? { ...answer, ...change } : answer)),
  });

  it("finds the reference's way out right", () => same(judge({})));

  for (const [what, verdicts, ...rows] of [
    ["a proxy elsewhere", judge({ environment: { ...inside.environment, HTTPS_PROXY: "http://x:1" } }), "E1"],
    ["no bridges", judge({ processes: [] }), "E1", "E2"],
    ["an allowed request that fails", judge(http("http://model.test/", { status: 502 })), "E1"],
    ["SOCKS that lets everything through", judge({ socks: [{ target: "denied.test:443", reply: 0 }] }), "E2"],
    ["SOCKS that lets nothing through", judge({ socks: inside.socks.map((each) => ({ ...each, reply: 2 })) }), "E2"],
    ["FTP by another way", judge({ environment: { ...inside.environment, FTP_PROXY: "" } }), "E2"],
    ["a denial by another status", judge(http("https://denied.test/", { status: 502 })), "E3"],
    ["a denial without a reason", judge(http("http://denied.test/", { body: "" })), "E3"],
    ["no row in the audit log", judge({}, { audit: AUDIT.slice(1) }), "E3"],
    ["a row of another session", judge({}, { audit: AUDIT.map((row) => ({ ...row, session: "x" })) }), "E3"],
    ["no control in the audit log", judge({}, { audit: AUDIT.slice(0, 1) }), "E3"],
    ["metadata through the proxy", judge(http("http://169.254.169.254/", { status: 200 })), "E4"],
    ["a direct connection", judge({ connect: [{ target: FORBIDDEN[1], ok: true }] }), "E4"],
    ["an open second wall", judge({}, { escaped: outside }), "E4"],
    ["a control that fails", judge({}, { outside: { connect: [] } }), "E4"],
  ] as [string, Verdicts, ...string[]][]) {
    it(`notices ${what}`, () => {
      same(verdicts, ...rows);
      for (const row of rows) assert.equal(isOk(verdicts[row]), false, row);
    });
  }

  it("never shows the proxy's token", () => {
    assert.doesNotMatch(JSON.stringify(judge({})), /srt:t/);
  });
});

const sessions: SessionFacts = {
  name: "a-b-c",
  inside,
  home: { mode: "750", uid: 20_001 },
  account: { uid: 20_001, home: "/sessions/a-b-c" },
  mounts: { ro: "ro", rw: "rw", rwd: "rwd" },
  neighbour: {
    name: "d-e-f",
    uid: 20_002,
    controls: { file: true, tmp: true, shm: true, ipc: true, port: true, token: true },
    paths: ["/sessions/d-e-f", "/tmp/kept"],
    processMark: "marked",
    target: "tcp:127.0.0.1:8765",
    foreignTokenStatus: 407,
  },
};

describe("judging sessions", () => {
  const judge = (change: Partial<SessionFacts>, probe: Change = {}) =>
    judgeSessions({ ...sessions, inside: { ...inside, ...probe } as ProbeReport, ...change });
  const neighbour = (change: Partial<SessionFacts["neighbour"]>) => ({
    neighbour: { ...sessions.neighbour, ...change },
  });
  const file = (path: string, ok: boolean) => ({
    file: inside.file.map((each) => (each.path === path ? { path, ok } : each)),
  });
  const write = (mode: string, change: Change) => ({
    write: inside.write.map((each) => (each.path.includes(`/${mode}/`) ? { ...each, ...change } : each)),
  });

  const remove = (mode: string, ok: boolean) => ({
    remove: inside.remove.map((each) => (each.path.includes(`/${mode}/`) ? { path: each.path, ok } : each)),
  });

  it("finds the reference's sessions right", () => same(judge({})));

  const { account: _, ...nobody } = sessions;
  for (const [what, verdicts, row] of [
    ["another home", judge({}, { identity: { ...inside.identity, home: "/home/x" } }), "N2"],
    ["another mode", judge({ home: { mode: "755", uid: 20_001 } }), "N2"],
    ["another owner", judge({ home: { mode: "750", uid: 0 } }), "N2"],
    ["no user", judgeSessions(nobody), "N2"],
    ["a shared user", judge(neighbour({ uid: 20_001 })), "N2"],
    ["ro that can be written", judge({}, write("ro", { made: { ok: true } })), "N3"],
    ["rw that cannot be written", judge({}, write("rw", { made: { ok: false } })), "N3"],
    ["ro in which things can be deleted", judge({}, remove("ro", true)), "N3"],
    ["rw in which things can be deleted", judge({}, remove("rw", true)), "N3"],
    ["rw in which a session's own things stay", judge({}, write("rw", { removed: { ok: false } })), "N3"],
    ["rwd in which nothing can be deleted", judge({}, remove("rwd", false)), "N3"],
    ["deletions that were not tried", judge({}, { remove: [] }), "N3"],
    ["a folder that cannot be read", judge({}, file("/sessions/a-b-c/mnt/ro/given", false)), "N3"],
    ["files of the other session", judge({}, file("/sessions/d-e-f", true)), "N4"],
    ["files that were not looked at", judge({}, { file: [inside.file[2]] }), "N4"],
    ["its IPC", judge({}, { shm: { shm: ["1"] } }), "N4"],
    ["its port", judge({}, { connect: [{ target: "tcp:127.0.0.1:8765", ok: true }] }), "N4"],
    ["its token", judge(neighbour({ foreignTokenStatus: 200 })), "N4"],
    [
      "a neighbour that is blind itself",
      judge(neighbour({ controls: { ...sessions.neighbour.controls, ipc: false } })),
      "N4",
    ],
  ] as [string, Verdicts, string][]) {
    it(`notices ${what}`, () => {
      same(verdicts, row);
      assert.equal(isOk(verdicts[row]), false);
    });
  }
  it("notices another shape of name, and its processes", () => {
    assert.equal(isOk(judge({ name: "x1" })["N1"]), false);
    const seen = [...inside.processes, { pid: 30, comm: "x", cmdline: ["x", "marked"] }];
    assert.equal(isOk(judge({}, { processes: seen })["N4"]), false);
  });
});

const agent: AgentFacts = {
  manifestVersion: "2.1.280",
  configured: {
    model: "claude-opus-4-5-20251101",
    tools: ["Task", "Bash", "Glob", "Grep", "Read", "Edit", "Write"],
    mcpServers: ["session", "web"],
  },
  run: {
    version: "2.1.280 (Claude Code)",
    offered: {
      model: "claude-opus-4-5-20251101",
      tools: ["Agent", "Bash", "Edit", "Glob", "Grep", "Read", "Write", "mcp__web__fetch"],
    },
    mcpServers: [
      { name: "session", status: "connected" },
      { name: "web", status: "connected" },
    ],
  },
};

describe("judging the agent", () => {
  const run = (change: Change) => judgeAgent({ ...agent, run: { ...agent.run, ...change } } as AgentFacts);
  const offered = (change: Change) => run({ offered: { ...agent.run?.offered, ...change } });

  it("finds the reference's agent right", () => same(judgeAgent(agent)));
  it("notices another version, model, tool or server", () => {
    assert.equal(isOk(run({ version: "2.1.1 (Claude Code)" })["A1"]), false);
    assert.equal(isOk(offered({ model: "other" })["A2"]), false);
    assert.equal(
      reasonOf(offered({ tools: ["Agent", "Bash", "WebFetch"] })["A3"]),
      "not offered: Glob, Grep, Read, Edit, Write; offered beside: WebFetch",
    );
    assert.equal(
      reasonOf(run({ mcpServers: [{ name: "web", status: "failed" }] })["A4"]),
      "not there: session; not working: web (failed)",
    );
  });
  it("holds a configured model against the configuration, and says so", () => {
    const configured = { ...agent.configured, model: "claude-sonnet-4-5" };
    const run = { ...agent.run, offered: { ...agent.run?.offered, model: "claude-sonnet-4-5" } };
    const verdict = judgeAgent({ ...agent, configured, run } as AgentFacts)["A2"];
    assert.deepEqual(verdict, { seen: "claude-sonnet-4-5 (configured: not the default)", ok: true });
  });
  it("says what was not looked at", () => {
    const { run: _, ...quick } = agent;
    const verdicts = judgeAgent({ ...quick, notRun: "later" });
    assert.ok(isOk(verdicts["A1"]), "the manifest tells the version");
    for (const id of ["A2", "A3", "A4"]) assert.deepEqual(verdicts[id], { notChecked: "later" });
  });
});

describe("the reference's values", () => {
  const text = readFileSync(new URL("../../../../contract/reference.yaml", import.meta.url), "utf8");

  /**
   * Every verdict about the machine of these tests, by a reference.
   *
   * @param defaults what the stack that made it asked for, which configures nothing
   */
  function judgeAll(reference: Reference, defaults = defaultsOf(reference)): Verdicts {
    const { sessionMemoryMiB, cpus, model, tools, ...sizes } = defaults;
    const wish = { ...sizes, cpus: [cpus], sessionMemoryMiB };
    const configured = { ...agent.configured, model, tools };
    return {
      ...judgeMachine(machine, wish, reference),
      ...judgeDisks(disks, wish, reference),
      ...judgeSystem(system, wish, reference),
      ...judgeSandbox({ inside, outside }, reference),
      ...judgeEgress(egress, reference),
      ...judgeSessions(sessions, reference),
      ...judgeAgent({ ...agent, configured }, reference),
    };
  }

  /** Each value of the file: the id of its row, and the way to it in the parsed document. */
  const values: { id: string; path: (string | number)[]; value: unknown }[] = [];
  const collect = (id: string, path: (string | number)[], value: unknown): void => {
    if (typeof value !== "object" || value === null) values.push({ id, path, value });
    else for (const [name, part] of Object.entries(value)) collect(id, [...path, name], part);
  };
  for (const [group, rows] of Object.entries(parse(text) as Record<string, unknown>)) {
    // Nothing here is a container: its rows are judged nowhere yet, and differ there until they are.
    if (!Array.isArray(rows) || group === "container") continue;
    rows.forEach((row: { id: string; value: unknown }, at) => {
      collect(row.id, [group, at, "value"], row.value);
    });
  }

  const other = (value: unknown) =>
    typeof value === "number" ? value * 2 + 1 : typeof value === "boolean" ? !value : `x${value}`;

  it("find the reference's machine right", () => {
    assert.ok(values.length > 80, `${values.length} values`);
    same(judgeAll(REFERENCE));
  });

  for (const { id, path, value } of values) {
    it(`are judged: another ${id} than ${value}`, () => {
      const document = parseDocument(text);
      document.setIn(path, other(value));
      const rows = parseReference(document.toString());
      const changed = valuesOf(rows);
      // A machine of today's defaults says that it is configured otherwise; one of the new defaults does not keep them.
      const verdicts = [judgeAll(changed)[id], judgeAll(changed, defaultsOf(REFERENCE))[id]];
      const before = judgeAll(REFERENCE)[id];
      assert.ok(
        verdicts.some((after) => !isDeepStrictEqual(after, before)),
        "the same whatever the reference says",
      );
      // A list of servers is configured freely, and a machine is judged by the memory that it shows.
      if (id !== "A4" && path.at(-1) !== "machineMiB")
        assert.ok(
          verdicts.some((after) => !isOk(after)),
          JSON.stringify(verdicts),
        );
      // What is printed changes with it.
      const row = (of: typeof rows) => of.find((one) => one.id === id) ?? assert.fail();
      assert.notEqual(expectation(row(rows)), expectation(row(parseReference(text))));
    });
  }
});
