import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { examine, rendered } from "../../../cli/commands/doctor.ts";
import { accelerated } from "../../../cli/doctor/accelerated.ts";
import { computerLooks, engineLook, localLooks } from "../../../cli/doctor/computer.ts";
import { type Finding, findings, type Look } from "../../../cli/doctor/finding.ts";
import { type Here, type LocalStack, realHere } from "../../../cli/doctor/here.ts";
import { clockTold, diskTold, localMachineLook, machineLooks } from "../../../cli/doctor/machine.ts";
import { networkLooks } from "../../../cli/doctor/network.ts";
import { pulumiLook, stackLooks, stackProblem } from "../../../cli/doctor/pulumi.ts";
import { OperatorError } from "../../../cli/errors.ts";
import type { Fleet, MachineStatus } from "../../../cli/fleet.ts";
import { parseStack } from "../../../cli/stack.ts";
import type { Transport } from "../../../cli/transport.ts";
import { pathsIn } from "../../../infra/local/paths.ts";
import { parseSettings } from "../../../infra/settings/settings.ts";
import { userId } from "../../../lib/home.cjs";
import { sha256 } from "../../../lib/store.ts";
import { thisHost } from "../../../lib/system/index.ts";
import { PulumiError } from "../../../toolchain/stack-runner.ts";
import { GOOD_REPORT } from "../../support/local/stack.ts";

/** The salt of a stack that the real Pulumi made with the passphrase "a". */
const SALT = "v1:7U9+0+W6LIk=:v1:UvD2yMSC5I69GlB6:R6RUWgUGFcGFz6lcF4KgNNLiRV5bWw==";

/** Each cause is made real here, as far as a test can; its remedy is held against docs/trouble.md below. */
describe("cloister doctor", function () {
  this.timeout(60_000);
  this.slow(5_000);
  let folder: string;
  let here: Here;
  const PATH = process.env["PATH"];
  const told = new Set<string>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-doctor-"));
    mkdirSync(join(folder, "project"));
    here = {
      ...realHere({ PATH }),
      project: join(folder, "project"),
      cache: join(folder, "cache"),
      publicUrl: "https://127.0.0.1:9/",
      lookup: async () => ["93.184.216.34"],
      patienceMs: 2_000,
    };
  });
  afterEach(() => {
    process.env["PATH"] = PATH;
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs one look, or all of them, and returns the finding of a cause. */
  async function cause(name: string, looks: Readonly<Record<string, Look>>, only?: string): Promise<Finding> {
    const chosen = only === undefined ? looks : { [only]: looks[only] ?? assert.fail(only) };
    const found = await findings("computer", chosen);
    const one = found.find((finding) => finding.cause === name);
    assert.ok(one, `${name} is none of ${found.map((finding) => `${finding.cause}: ${finding.seen}`).join("; ")}`);
    if (one.status !== "ok") {
      assert.ok((one.remedy ?? "").length > 10, `${name} has a remedy`);
      told.add(name);
    }
    return one;
  }

  const local = (more: Record<string, string> = {}, root = join(folder, "machine")): LocalStack => {
    const parsed = parseSettings({ "cloister:target": "local", "cloister:memoryMiB": "2048", ...more });
    return { name: "local", settings: "settings" in parsed ? parsed.settings : assert.fail(), paths: pathsIn(root) };
  };

  const program = (name: string, script: string): void => {
    mkdirSync(join(folder, "bin"), { recursive: true });
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };

  describe("on this computer", () => {
    it("node: it is too old", async () => {
      assert.equal((await cause("node", computerLooks({ ...here, nodeVersion: "20.10.0" }), "node")).status, "problem");
      assert.equal((await cause("node", computerLooks({ ...here, nodeVersion: "22.1.0" }), "node")).status, "ok");
    });

    it("packages: they are not those of the list", async () => {
      const at = join(here.project, "node_modules");
      mkdirSync(at);
      writeFileSync(join(here.project, "package-lock.json"), "new");
      writeFileSync(join(at, ".cloister-lock"), sha256("old"));
      assert.equal((await cause("packages", computerLooks(here), "packages")).status, "note");
      writeFileSync(join(at, ".cloister-lock"), sha256("new"));
      assert.equal((await cause("packages", computerLooks(here), "packages")).status, "ok");
    });

    it("namespaces: AppArmor keeps ordinary programs from them, which is nothing to root", async () => {
      const restrictedNamespaces = join(folder, "apparmor_restrict_unprivileged_userns");
      const look = (isRoot: boolean) =>
        computerLooks({ ...here, restrictedNamespaces, host: { ...here.host, isRoot } });
      const seen = async (isRoot: boolean) =>
        await findings("computer", { namespaces: look(isRoot)["namespaces"] as Look });
      assert.deepEqual(await seen(false), [], "no such setting");
      writeFileSync(restrictedNamespaces, "0\n");
      assert.deepEqual(await seen(false), []);
      writeFileSync(restrictedNamespaces, "1\n");
      assert.equal((await cause("namespaces", look(false), "namespaces")).status, "note");
      assert.deepEqual(await seen(true), []);
    });

    it("cache, state-folder: they cannot be written", async () => {
      // A file stands where a folder should be: this is in the way of root, too.
      writeFileSync(join(folder, "file"), "");
      const nowhere = join(folder, "file", "cache");
      const looks = computerLooks({ ...here, cache: nowhere });
      assert.equal((await cause("cache", looks, "cache")).status, "problem");
      assert.equal((await cause("cache", computerLooks(here), "cache")).status, "ok");
      const state = localLooks(here, local({}, nowhere));
      assert.equal((await cause("state-folder", state, "state")).status, "problem");
      assert.equal((await cause("state-folder", localLooks(here, local()), "state")).status, "ok");
    });

    it("noexec: the cache's file system runs no programs", async function () {
      const mounted = join(folder, "mounted");
      mkdirSync(mounted);
      const looks = computerLooks({ ...here, cache: join(mounted, "cache") });
      const seen = async () => await findings("computer", { programsOfCache: looks["programsOfCache"] as Look });
      assert.deepEqual(await seen(), []);
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", mounted], { stdio: "pipe" });
      } catch {
        // Only root mounts.
        told.add("noexec");
        this.skip();
      }
      try {
        const { status, remedy } = await cause("noexec", looks, "programsOfCache");
        assert.equal(status, "problem");
        assert.match(remedy ?? "", /CLOISTER_CACHE_DIR/);
      } finally {
        execFileSync("umount", [mounted]);
      }
    });

    it("modes: the file system keeps none", async function () {
      const shown = join(folder, "shown");
      mkdirSync(shown);
      const at = (root: string) => localLooks(here, local({}, root));
      assert.equal((await cause("modes", at(shown), "modes")).status, "ok");
      try {
        execFileSync("bindfs", ["--chmod-ignore", "--perms=0777", folder, shown], { stdio: "pipe" });
      } catch {
        // No bindfs or no FUSE here. It counts as told: below, each cause must be.
        told.add("modes");
        this.skip();
      }
      try {
        const { status, remedy } = await cause("modes", at(join(shown, "state")), "modes");
        assert.equal(status, "problem");
        assert.match(remedy ?? "", /below \/home/);
      } finally {
        execFileSync("umount", [shown]);
      }
    });

    it("qemu, firmware, programs: they are missing, each kind with the commands that bring them", async () => {
      const empty = {
        ...thisHost({ PATH: "" }),
        distributions: ["debian"],
        hasCommand: () => false,
        hasFirmware: () => false,
      };
      const looks = localLooks({ ...here, host: empty }, local());
      for (const name of ["qemu", "firmware", "programs"]) {
        const { status, remedy } = await cause(name, looks, "programs");
        assert.equal(status, "problem");
        assert.match(remedy ?? "", /sudo apt-get install .*qemu-system/);
      }
      const full = { ...empty, hasCommand: () => true, hasFirmware: () => true, hasFile: () => true };
      for (const name of ["qemu", "firmware", "programs"]) {
        assert.equal((await cause(name, localLooks({ ...here, host: full }, local()), "programs")).status, "ok");
      }
    });

    it("qemu-features: it was built without what a machine needs", async () => {
      for (const name of ["qemu-system-x86_64", "qemu-system-aarch64"]) program(name, 'echo "tap"');
      process.env["PATH"] = join(folder, "bin");
      const mine = { ...here, host: { ...here.host, hasCommand: () => true } };
      const one = await cause("qemu-features", localLooks(mine, local()), "qemu");
      assert.match(one.seen, /libslirp/);
      for (const name of ["qemu-system-x86_64", "qemu-system-aarch64"]) {
        program(name, 'printf " user\\n filter-redirector\\n"');
      }
      assert.equal((await cause("qemu-features", localLooks(mine, local()), "qemu")).status, "ok");
    });

    it("kvm-off, kvm-module, kvm-group: KVM's device is not there, or not for this user", async () => {
      const linux = { ...here, platform: "linux", kvm: join(folder, "kvm"), cpuinfo: join(folder, "cpuinfo") } as const;
      const look = (more: Partial<Here> = {}, stack = local()) => ({
        acceleration: async () => await accelerated({ ...linux, ...more }, stack),
      });
      writeFileSync(linux.cpuinfo, "flags : fpu sse2\n");
      assert.equal((await cause("kvm-off", look())).status, "note");
      const insists = local({ "cloister:accelerator": "kvm" });
      assert.equal((await cause("kvm-off", look({}, insists))).status, "problem", "in the way where kvm is configured");
      writeFileSync(linux.cpuinfo, "flags : fpu svm sse2\n");
      assert.match((await cause("kvm-module", look())).remedy ?? "", /modprobe kvm_amd/);
      writeFileSync(linux.kvm, "");
      assert.match((await cause("kvm-group", look({ mayUse: () => false }))).remedy ?? "", /usermod -aG kvm/);
    });

    it("acceleration-trial, acceleration-foreign: it is there, and does not work", async () => {
      for (const name of ["qemu-system-x86_64", "qemu-system-aarch64"])
        program(name, "echo no such accelerator >&2; exit 1");
      process.env["PATH"] = [join(folder, "bin"), PATH].join(delimiter);
      writeFileSync(join(folder, "kvm"), "");
      const mine = { ...here, kvm: join(folder, "kvm") };
      const { seen } = await cause("acceleration-trial", { one: async () => await accelerated(mine, local()) });
      assert.match(seen, /which is slow/);
      const other = process.arch === "arm64" ? "amd64" : "arm64";
      const foreign = local({ "cloister:architecture": other });
      await cause("acceleration-foreign", { one: async () => await accelerated(mine, foreign) });
    });

    it("memory: there is too little", async () => {
      const small = local();
      // More than the configuration takes, so that no computer of a developer has it.
      const stack = { ...small, settings: { ...small.settings, memoryMiB: 65_536_000 } };
      const { seen, remedy } = await cause("memory", localLooks(here, stack), "memory");
      assert.match(`${seen} ${remedy}`, /65536000: this computer has \d+ MiB of memory in all.*Write less/);
      assert.equal((await cause("memory", localLooks(here, local()), "memory")).status, "ok");
    });

    it("disk: there is too little room", async function () {
      // A small file system of its own, where this user may mount one.
      const small = join(folder, "small");
      mkdirSync(small);
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small], { stdio: "ignore" });
      } catch {
        this.skip();
      }
      try {
        const one = await cause("disk", localLooks(here, local({}, join(small, "machine"))), "memory");
        assert.equal(one.status, "problem");
        assert.match(one.seen, /has [01] MiB free, a new machine needs 4096/);
      } finally {
        execFileSync("umount", [small]);
      }
    });

    it("port: another program has it", async () => {
      const server = await listening(createServer());
      const { port } = server.address() as { port: number };
      const stack = local({ "cloister:sshPort": String(port) });
      try {
        assert.equal((await cause("port", localLooks(here, stack), "memory")).status, "problem");
      } finally {
        await closed(server);
      }
      assert.equal((await cause("port", localLooks(here, stack), "memory")).status, "ok");
    });

    it("runtime-folder: QEMU's socket has no place", async () => {
      const before = { XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"], TMPDIR: process.env["TMPDIR"] };
      const socket = join(folder, `cloister-${userId()}`);
      try {
        delete process.env["XDG_RUNTIME_DIR"];
        process.env["TMPDIR"] = folder;
        mkdirSync(socket);
        chmodSync(socket, 0o777);
        assert.equal((await cause("runtime-folder", localLooks(here, local()), "socket")).status, "problem");
        chmodSync(socket, 0o700);
        assert.equal((await cause("runtime-folder", localLooks(here, local()), "socket")).status, "ok");
      } finally {
        for (const [name, value] of Object.entries(before)) {
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    });

    it("platform: no local machine runs on it", async () => {
      const looks = localLooks({ ...here, platform: "win32" }, local());
      assert.equal((await cause("platform", looks, "platform")).status, "problem");
    });

    it("pulumi: it cannot be had, and there is no compiler to make it", async () => {
      const alone = { ...here, env: { PATH: join(folder, "bin") } };
      const one = await cause("pulumi", { pulumi: async () => await pulumiLook(alone, []) });
      assert.equal(one.status, "problem");
      assert.match(one.remedy ?? "", /Install Go/);
      program("go", "");
      assert.equal((await cause("pulumi", { pulumi: async () => await pulumiLook(alone, []) })).status, "ok");
    });

    it("container-engine: none answers", async () => {
      process.env["PATH"] = join(folder, "bin");
      const one = await cause("container-engine", { engine: async () => await engineLook() });
      assert.equal(one.status, "note", "only one command needs it");
    });
  });

  describe("on the way outside", () => {
    it("proxy, proxy-address: it does not answer, or is no address", async () => {
      const server = await listening(createServer((socket) => socket.end()));
      const { port } = server.address() as { port: number };
      const look = (value: string) => networkLooks({ ...here, env: { https_proxy: value } });
      assert.equal((await cause("proxy", look(`http://127.0.0.1:${port}`), "proxy")).status, "ok");
      await closed(server);
      const gone = await cause("proxy", look(`http://user:secret@127.0.0.1:${port}`), "proxy");
      assert.match(gone.seen, new RegExp(`127.0.0.1:${port} cannot be reached \\(ECONNREFUSED\\)`));
      assert.doesNotMatch(JSON.stringify(gone), /secret/);
      await cause("proxy-address", look("not an address"), "proxy");
    });

    it("dns-made-up, dns-fails: DNS answers for others, or not at all", async () => {
      for (const address of ["198.18.3.4", "198.19.255.1", "100.64.0.1"]) {
        const one = await cause("dns-made-up", networkLooks({ ...here, lookup: async () => [address] }), "dns");
        assert.match(one.seen, new RegExp(`is ${address.replaceAll(".", "\\.")}, of `));
      }
      const well = networkLooks({ ...here, lookup: async () => ["198.20.0.1", "2606:4700::1111"] });
      assert.equal((await cause("dns", well, "dns")).status, "ok");
      const fails = { ...here, lookup: async () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })) };
      assert.equal((await cause("dns-fails", networkLooks(fails), "dns")).status, "note");
    });

    it("authority-file, authority-expired: the added certificates are none, or over", async () => {
      const look = (file: string) => networkLooks({ ...here, env: { NODE_EXTRA_CA_CERTS: file } });
      await cause("authority-file", look(join(folder, "nowhere.pem")), "authorities");
      writeFileSync(join(folder, "wrong.pem"), "not a certificate");
      await cause("authority-file", look(join(folder, "wrong.pem")), "authorities");
      certificate(folder, "now");
      assert.equal((await cause("authorities", look(join(folder, "now.pem")), "authorities")).status, "ok");
      certificate(folder, "old", true);
      assert.match((await cause("authority-expired", look(join(folder, "old.pem")), "authorities")).seen, /expired at/);
    });

    it("private-authority, clock-here, outside: who answers is not trusted, not now, or nobody", async () => {
      for (const [name, expired] of [
        ["private-authority", false],
        ["clock-here", true],
      ] as const) {
        const { key, cert } = certificate(folder, name, expired);
        const server = await listening(createTlsServer({ key, cert }, (socket) => socket.end()));
        const { port } = server.address() as { port: number };
        // For the second, its authority is known: only the time is wrong.
        const env = name === "clock-here" ? { SSL_CERT_FILE: join(folder, `${name}.pem`) } : {};
        try {
          const mine = { ...here, env, publicUrl: `https://localhost:${port}/` };
          assert.equal((await cause(name, networkLooks(mine), "certificates")).status, "problem");
        } finally {
          await closed(server);
        }
      }
      assert.equal((await cause("outside", networkLooks(here), "certificates")).status, "note");
    });
  });

  describe("with a stack", () => {
    const configure = (text: string) => writeFileSync(join(here.project, "Pulumi.dev.yaml"), text);

    it("configuration: it is refused", async () => {
      configure("config:\n  cloister:cpus: none\n  cloister:cpuss: 2\n");
      const { seen } = await cause("configuration", stackLooks(here, "dev"), "configuration");
      assert.match(seen, /cloister:cpuss = "2": unknown key.*cloister:cpus = "none": must be/s);
    });

    it("lock-stale, lock, lock-elsewhere: a run holds it, or was killed", async () => {
      const locks = join(here.project, ".cloister/state/.pulumi/locks/organization/cloister/dev");
      mkdirSync(locks, { recursive: true });
      const put = (pid: number, computer = hostname()) =>
        writeFileSync(
          join(locks, "a.json"),
          JSON.stringify({ pid, username: "me", hostname: computer, timestamp: new Date().toISOString() }),
        );
      const gone = Number(execFileSync("sh", ["-c", "echo $$"]).toString());
      put(gone);
      assert.match((await cause("lock-stale", stackLooks(here, "dev"), "lock")).remedy ?? "", /cancel .*--stack dev/);
      assert.equal(readdirSync(locks).length, 1, "a look removes nothing");
      put(process.pid);
      assert.equal((await cause("lock", stackLooks(here, "dev"), "lock")).status, "note");
      put(gone, "another-computer");
      await cause("lock-elsewhere", stackLooks(here, "dev"), "lock");
      assert.equal((await cause("lock", stackLooks(here, "prod"), "lock")).status, "ok", "of another stack");
    });

    it("passphrase: it is another one, or none", async () => {
      configure(`encryptionsalt: ${SALT}\nconfig:\n  cloister:target: aws\n`);
      const look = (env: NodeJS.ProcessEnv) =>
        stackLooks({ ...here, env: { ...env, PULUMI_BACKEND_URL: "s3://x" } }, "dev");
      for (const env of [
        {},
        { PULUMI_CONFIG_PASSPHRASE: "b" },
        { PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "none") },
      ]) {
        assert.equal((await cause("passphrase", look(env), "passphrase")).status, "problem");
      }
      const right = await cause("passphrase", look({ PULUMI_CONFIG_PASSPHRASE: "a" }), "passphrase");
      assert.equal(right.status, "ok");
    });

    it("no-stack, stack-down, backend, backend-login, backend-rights: Pulumi's own words are read", async () => {
      const down = (() => {
        try {
          return parseStack("dev", {});
        } catch (error) {
          return error;
        }
      })();
      const said = (words: string) => new PulumiError("stack output", 255, words);
      for (const [name, error] of [
        ["no-stack", new OperatorError("there is no stack dev in file:///x.", { code: "CLOISTER_E_NO_STACK" })],
        ["stack-down", down],
        // As Pulumi 3.245 says it.
        ["passphrase", said("error: incorrect passphrase")],
        ["backend-login", said("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions")],
        [
          "backend",
          said(
            "error: unable to open bucket file:///nowhere?no_tmp_dir=true: stat /nowhere: no such file or directory",
          ),
        ],
        [
          "backend",
          said(
            'Logging in using access token from PULUMI_ACCESS_TOKEN\nerror: performing HTTP request: Get "https://127.0.0.1:9/api/user": dial tcp 127.0.0.1:9: connect: connection refused',
          ),
        ],
        [
          "backend-rights",
          said(
            'error: read ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): operation error S3: GetObject, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found',
          ),
        ],
        ["stack", said("error: something else")],
      ] as const) {
        const one = await cause(name, { stack: async () => stackProblem("dev", error) });
        assert.equal(one.status, "problem");
        assert.doesNotMatch(one.seen, /^error:|Logging in/);
      }
    });
  });

  describe("with a machine", () => {
    const machine = (more: Partial<MachineStatus> = {}): MachineStatus => ({
      name: "one",
      state: "running",
      template: "v1",
      verification: { verdict: "passed", by: "a test" },
      remarks: [],
      ...more,
    });
    /** Answers as a machine would: its clock, its disk, its report. */
    const fleetOf = (answers: { clock?: number; used?: number; report?: unknown; fails?: OperatorError }): Fleet => {
      const transport: Transport = {
        async exec([word], { stdout }) {
          if (answers.fails) throw answers.fails;
          const { clock = 0, used = 10, report = GOOD_REPORT } = answers;
          if (word === "date") stdout.write(`${Date.now() / 1000 + clock}\n`);
          else if (word === "df")
            stdout.write(
              `Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 1 1 1 ${used}% /sessions\n`,
            );
          else stdout.write(JSON.stringify(report));
          return 0;
        },
        shell: () => Promise.reject(new Error("not here")),
      };
      return { machines: async () => [], connect: async () => transport };
    };
    const look = (answers: Parameters<typeof fleetOf>[0], one = machine()) => ({
      machine: async () => await machineLooks(fleetOf(answers), one),
    });

    it("all is well with one that is", async () => {
      const all = await findings("machine", look({}));
      assert.deepEqual(
        all.map(({ cause, status }) => [cause, status]),
        [
          ["clock", "ok"],
          ["session-disk", "ok"],
          ["verified", "ok"],
        ],
      );
    });

    it("machine-stopped, booting, machine-old: it does not run, or not yet, or runs something old", async () => {
      const stopped = machine({ state: "stopped", help: "Start it again: npm start" });
      assert.match((await cause("machine-stopped", look({}, stopped))).remedy ?? "", /npm start/);
      const boots = machine({ state: "booting", verification: { verdict: "pending", by: "it boots: disks" } });
      assert.match((await cause("booting", look({}, boots))).seen, /it boots: disks/);
      assert.equal((await cause("machine-old", look({}, machine({ current: false })))).status, "note");
    });

    it("machine-silent: it does not answer, each with what helps", async () => {
      const silent = (message: string, code: OperatorError["code"] = "CLOISTER_E_UNREACHABLE") =>
        cause("machine-silent", look({ fails: new OperatorError(message, { code }) }));
      assert.match(
        (await silent("x\n  operator@127.0.0.1: Permission denied (publickey).")).remedy ?? "",
        /bring it up again/,
      );
      assert.match((await silent("x\n  Host key verification failed.")).remedy ?? "", /Another machine answers/);
      assert.match((await silent("no credentials", "CLOISTER_E_AWS")).remedy ?? "", /Sign in to AWS/);
      assert.match((await silent("there is no ssh", "CLOISTER_E_PROGRAM_MISSING")).remedy ?? "", /Install/);
    });

    it("clock: it is far from this computer's", async () => {
      assert.equal((await cause("clock", look({ clock: -3_600 }))).status, "problem");
      assert.match((await cause("clock", look({ clock: 20 }))).seen, /(19|20) s ahead of this computer's/);
      // What the question itself took is no difference.
      assert.equal(clockTold("one", 5_000, 4_000, 40_000).status, "ok");
      assert.equal(clockTold("one", Number.NaN, 0, 1).status, "note");
    });

    it("session-disk: it is full", async () => {
      assert.equal((await cause("session-disk", look({ used: 99 }))).status, "problem");
      assert.equal((await cause("session-disk", look({ used: 90 }))).status, "note");
      assert.equal(diskTold("one", "df: /sessions: No such file").status, "note");
    });

    it("not-verified, session-left: it takes no sealed commands, or could not remove a session", async () => {
      const report = { ...GOOD_REPORT, notReady: "logs are not shipped", unremoved: [{ name: "a", reason: "busy" }] };
      assert.match((await cause("not-verified", look({ report }))).seen, /logs are not shipped/);
      await cause("session-left", look({ report }));
    });

    it("notice: its boot had something to say", async () => {
      const notices = ["AppArmor restricts user namespaces on this machine"];
      const { status, seen } = await cause("notice", look({ report: { ...GOOD_REPORT, notices } }));
      assert.equal(status, "note");
      assert.match(seen, /AppArmor restricts user namespaces/);
    });

    it("ssh-key: it is missing, or others may read it", async () => {
      const { paths } = local();
      const key = () => ({ key: async () => localMachineLook(paths) });
      assert.match((await cause("ssh-key", key())).seen, /is not there/);
      mkdirSync(join(paths.root, "ssh"), { recursive: true });
      writeFileSync(paths.sshKey, "key", { mode: 0o644 });
      chmodSync(paths.sshKey, 0o644);
      const open = await cause("ssh-key", key());
      assert.match(open.seen, /\(644\)/);
      chmodSync(paths.sshKey, 0o600);
      assert.equal((await cause("ssh-key", key())).status, "ok");
    });

    it("disks-deleted: it writes into nothing", async function () {
      if (process.platform !== "linux") this.skip();
      const { paths } = local();
      mkdirSync(paths.root, { recursive: true });
      const disk = join(paths.root, "session.qcow2");
      writeFileSync(disk, "");
      // A process with the marker in its command line and the disk open, as QEMU has it.
      const { spawn } = await import("node:child_process");
      const child = spawn("sh", ["-c", `exec 7<"$1"; echo up; sleep 60; : ${paths.marker}`, "sh", disk]);
      try {
        await new Promise((resolve) => child.stdout.once("data", resolve));
        writeFileSync(paths.process, JSON.stringify({ sshPort: 1, accelerator: "tcg", pid: child.pid }));
        assert.ok(!localMachineLook(paths).some((one) => one.cause === "disks-deleted"), "the control");
        rmSync(disk);
        await cause("disks-deleted", { disks: async () => localMachineLook(paths) });
      } finally {
        child.kill("SIGKILL");
      }
    });
  });

  it("tells of a look that fails, and goes on with the others", async () => {
    const found = await findings("computer", {
      bad: async () => Promise.reject(new Error("it broke\nwith more")),
      good: async () => ({ cause: "good", status: "ok", seen: "well" }),
    });
    assert.deepEqual(
      found.map(({ cause, status }) => [cause, status]),
      [
        ["bad", "note"],
        ["good", "ok"],
      ],
    );
    assert.match(found[0]?.seen ?? "", /it broke$/);
  });

  it("looks at this computer alone where there is no stack", async () => {
    symlinkSync(join(import.meta.dirname, "../../../Pulumi.local.yaml"), join(here.project, "Pulumi.local.yaml"));
    const found = await examine({}, here);
    assert.ok(found.length > 12);
    assert.ok(found.every(({ about }) => about === "computer"));
  });

  it("shows fields to a program and lines to a person, and neither gets a control character", () => {
    const one: Finding = { cause: "x", about: "machine", status: "problem", seen: "a\u001b[31m\tb", remedy: "c\nd" };
    assert.equal(rendered([one], {}), "problem\tmachine\tx\ta\\x1b[31m\\tb\tc\\nd");
    const lines = rendered([one], { isTTY: true, columns: 60 });
    assert.match(lines, /PROBLEM/);
    assert.ok(!lines.includes("a\u001b"));
    assert.match(lines, /One thing is in the way\.$/);
  });

  describe("as a whole", () => {
    it("has each of its causes in docs/trouble.md, and a test for each", () => {
      const sources = readdirSync("cli/doctor").map((file) => readFileSync(join("cli/doctor", file), "utf8"));
      const named = sources.flatMap((text) => [
        ...[...text.matchAll(/\b(?:problem|note|slow|told|ok|writableLook)\(\s*"([a-z-]+)"/g)].map(
          ([, name]) => name ?? "",
        ),
        ...[...text.matchAll(/\bcause: "([a-z-]+)"/g)].map(([, name]) => name ?? ""),
      ]);
      const documented = [...readFileSync("docs/trouble.md", "utf8").matchAll(/^\| `([a-z-]+)` \|/gm)].map(
        ([, name]) => name ?? "",
      );
      const good = ["acceleration", "authorities", "certificates", "dns", "verified"];
      const causes = [...new Set(named)].filter((name) => !good.includes(name)).sort();
      assert.deepEqual([...new Set(documented)].sort(), causes);
      assert.ok(causes.length >= 40, `${causes.length}`);
      if (told.size > 0)
        assert.deepEqual(
          causes.filter((name) => !told.has(name)),
          [],
          "each was made real above",
        );
    });
  });
});

/**
 * Makes a key and a certificate of `localhost` that signed itself, by openssl(1). `openssl req` cannot make one that is over
 * before version 3.4; `openssl ca` can.
 */
function certificate(folder: string, name: string, expired = false) {
  const at = mkdtempSync(join(folder, "ca-"));
  const [key, cert, request, config] = ["key", "cert", "csr", "cnf"].map((end) => join(at, end)) as [
    string,
    string,
    string,
    string,
  ];
  const lines = ["[ca]", "default_ca=d", "[d]", "database=db", "serial=serial", "new_certs_dir=.", "default_md=sha256"];
  const more = ["policy=p", "x509_extensions=e", "unique_subject=no", "[p]", "commonName=supplied"];
  const extensions = ["[e]", "subjectAltName=DNS:localhost", "basicConstraints=CA:TRUE"];
  writeFileSync(config, [...lines, ...more, ...extensions, ""].join("\n"));
  writeFileSync(join(at, "db"), "");
  writeFileSync(join(at, "serial"), "01\n");
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: at, stdio: "pipe" });
  openssl(
    "req",
    "-new",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    key,
    "-out",
    request,
    "-subj",
    "/CN=localhost",
  );
  const times = expired ? ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"] : ["-days", "2"];
  openssl(
    "ca",
    "-batch",
    "-notext",
    "-selfsign",
    "-config",
    config,
    "-keyfile",
    key,
    "-in",
    request,
    "-out",
    cert,
    ...times,
  );
  copyFileSync(cert, join(folder, `${name}.pem`));
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

async function listening<T extends Server>(server: T): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
