import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import {
  BOOT_VARIABLES,
  type BootVariable,
  bootEnvironment,
  bootVariables,
} from "../../../../contract/boot-environment.ts";
import { parseMachine } from "../../../../contract/machine.ts";
import { SESSION_USERS } from "../../../../contract/users.ts";
import { HTTP_SOCKET, INSIDE_SOCKETS, SOCKS_SOCKET } from "../../../../guest/sandbox/paths.ts";

const GUEST = join(import.meta.dirname, "../../../../guest");
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

/** The folder of the audit rows' journal, by the machine id of these tests. */
const JOURNAL = "var/log/journal/0123456789abcdef0123456789abcdef.cloister-audit";

/** `start` and what it calls, by a real shell; what would change this computer is replaced by scripts that write down how they were called. */
describe("boot: start", function () {
  this.timeout(60_000);
  let folder: string;
  /** The machine's programs, which are built once. */
  let programs: string;
  let environment: Record<string, string>;

  before(async function () {
    if (process.platform !== "linux") this.skip();
    if ((await execa("go", ["version"], { reject: false })).failed) this.skip();
    programs = await mkdtemp(join(tmpdir(), "cloister-start-programs-"));
    await execa("go", ["build", "-buildvcs=false", "-o", join(programs, "boot-helper"), "./cmd/boot-helper"], {
      cwd: join(GUEST, "boot/helper"),
    });
  });
  after(async () => {
    if (programs) await rm(programs, { recursive: true });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-start-"));
    for (const name of ["home", "fake", "etc/cloister", "proc", "sessions", "dev", "run", "units", "local"]) {
      await mkdir(join(folder, name), { recursive: true });
    }
    await symlink(join(GUEST, "boot"), join(folder, "home/boot"));
    await symlink(join(GUEST, "units"), join(folder, "home/units"));
    await symlink(programs, join(folder, "home/bin"));
    await settings(variables());
    await writeFile(join(folder, "proc/swaps"), "Filename Type Size Used Priority\n");
    await writeFile(join(folder, "proc/meminfo"), "MemTotal:        4000000 kB\nMemFree:          100000 kB\n");
    await writeFile(join(folder, "proc/mounts"), `/dev/nvme1n1 ${folder}/sessions ext4 rw 0 0\n`);
    for (const [name, value] of Object.entries(kernel)) await setting(name, value);
    await writeFile(join(folder, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
    for (const name of ["nft", "systemctl", "swapoff", "mount", "modprobe"]) await fake(name, "exit 0");
    // All packages are there. No test of this file may install any.
    await writeFile(
      join(folder, "fake/dpkg-query"),
      '#!/bin/sh\nfor name; do printf "%s installed\\n" "$name"; done\n',
      { mode: 0o755 },
    );
    await fake("apt-get", "exit 100");
    environment = {
      PATH: `${folder}/fake:${PATH}`,
      CLOISTER_HOME: join(folder, "home"),
      CLOISTER_ETC: join(folder, "etc"),
      CLOISTER_PROC: join(folder, "proc"),
      CLOISTER_SYS: join(folder, "sys"),
      CLOISTER_DEV: join(folder, "dev"),
      CLOISTER_RUN: join(folder, "run/cloister"),
      CLOISTER_SESSIONS: join(folder, "sessions"),
      CLOISTER_HOMES: join(folder, "homes"),
      CLOISTER_UNITS: join(folder, "units"),
      CLOISTER_SYSTEMD: join(folder, "systemd"),
      CLOISTER_VAR: join(folder, "var"),
      CLOISTER_BIN: join(folder, "local"),
      CLOISTER_CONSOLE: join(folder, "console"),
      CLOISTER_DISK_TRIES: "0",
    };
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** What some image has: none of it strict enough, but for two. */
  const kernel = {
    "kernel/yama/ptrace_scope": "0",
    "kernel/unprivileged_userns_clone": "1",
    "kernel/kptr_restrict": "0",
    "kernel/perf_event_paranoid": "4",
    "kernel/unprivileged_bpf_disabled": "2",
    "dev/tty/ldisc_autoload": "1",
    "fs/suid_dumpable": "2",
    "fs/protected_regular": "0",
    "kernel/seccomp/actions_logged": "kill_process kill_thread trap errno user_notif trace log",
    "kernel/pty/max": "4096",
    "net/ipv4/tcp_max_orphans": "16384",
    "net/ipv4/tcp_mem": "10\t20\t30",
  };
  const setting = async (name: string, value: string) => {
    await mkdir(join(folder, "proc/sys", name, ".."), { recursive: true });
    await writeFile(join(folder, "proc/sys", name), `${value}\n`);
  };
  const settingOf = async (name: string) => (await readFile(join(folder, "proc/sys", name), "utf8")).trim();
  const notices = async () => await readFile(join(folder, "run/cloister/notices"), "utf8").catch(() => "");

  const machine = {
    name: "first",
    target: "local",
    runtime: { digest: "0".repeat(64) },
    sessions: { memoryMiB: 1000, tasksMax: 77 },
  };
  /** What user data leaves for the boot of this machine. */
  const variables = (change: object = {}) => bootVariables(parseMachine({ ...machine, ...change }));
  const settings = async (values: Partial<Record<BootVariable, string>>) =>
    await writeFile(join(folder, "etc/cloister/boot.env"), bootEnvironment(values));
  const fake = async (name: string, body: string) =>
    await writeFile(join(folder, "fake", name), `#!/bin/sh\necho "${name} $*" >> '${folder}/calls'\n${body}\n`, {
      mode: 0o755,
    });
  const start = async () =>
    await execa(join(GUEST, "boot/start"), { env: environment, reject: false, stdin: "ignore", all: true });
  const calls = async () =>
    (await readFile(join(folder, "calls"), "utf8")).replaceAll(`${folder}/`, "").trim().split("\n");
  const said = async () => await readFile(join(folder, "console"), "utf8");

  it("closes the operator's home to users of sessions where the image lets all read it", async () => {
    await mkdir(join(folder, "homes/operator"), { recursive: true });
    await chmod(join(folder, "homes/operator"), 0o2755);
    const { exitCode, all } = await start();
    assert.equal(exitCode, 0, all);
    assert.equal((await stat(join(folder, "homes/operator"))).mode & 0o7777, 0o2750);
    assert.doesNotMatch(await notices(), /could not be closed/);
  });

  it("loads the second wall, installs units with this machine's limits, and starts the verification", async () => {
    const { exitCode, all } = await start();
    assert.equal(exitCode, 0, all);
    assert.deepEqual(await calls(), [
      "systemctl restart systemd-journald.service",
      "nft -f home/boot/wall.nft",
      `mount --bind sessions/.cloister/audit ${JOURNAL}`,
      "systemctl start --no-block cloister-keeper.service cloister-clock.service",
      "systemctl start --no-block cloister-verify.service",
    ]);
    assert.equal(await readFile(join(folder, "run/cloister/wall"), "utf8"), "");
    assert.equal(
      await readFile(join(folder, "etc/systemd/journald.conf.d/cloister.conf"), "utf8"),
      "[Journal]\nRateLimitIntervalSec=0\n",
    );
    assert.equal(
      await readFile(join(folder, "units/cloister.slice.d/machine.conf"), "utf8"),
      "[Slice]\nMemoryMax=1000M\nMemorySwapMax=0\nTasksMax=77\n",
    );
    assert.equal(await readlink(join(folder, "units/cloister.slice")), join(folder, "home/units/cloister.slice"));
    assert.equal(await readlink(join(folder, "local/cloister")), join(folder, "home/bin/cloister"));
  });

  it("can be run again, and an earlier failure is forgotten", async () => {
    await start();
    await writeFile(join(folder, "run/cloister/failure"), "of the first time");
    const before = await calls();
    assert.equal((await start()).exitCode, 0);
    await assert.rejects(readFile(join(folder, "run/cloister/failure")), /ENOENT/);
    const second = (await calls()).slice(before.length);
    assert.ok(!second.includes("systemctl restart systemd-journald.service"), "the journal has its setting already");
  });

  it("leaves nothing for cloud-init to do at the later boots of a local machine, and of no other", async () => {
    await start();
    assert.equal(await readFile(join(folder, "etc/cloud/cloud-init.disabled"), "utf8"), "");
    await rm(join(folder, "etc/cloud"), { recursive: true });
    await settings(variables({ target: "aws" }));
    assert.equal((await start()).exitCode, 0);
    await assert.rejects(readFile(join(folder, "etc/cloud/cloud-init.disabled")), /ENOENT/);
  });

  it("goes on when that cannot be written, and says so", async () => {
    await mkdir(join(folder, "etc/cloud"));
    await symlink("/proc/no-such/x", join(folder, "etc/cloud/cloud-init.disabled"));
    assert.equal((await start()).exitCode, 0);
    const notices = await readFile(join(folder, "run/cloister/notices"), "utf8");
    assert.match(notices, /cloud-init\.disabled could not be made: later boots take longer/);
    assert.match((await calls()).at(-1) ?? "", /start --no-block cloister-verify/);
  });

  it("goes on when the journal keeps its limit, and says so", async () => {
    await fake("systemctl", `[ "$1" != restart ]`);
    assert.equal((await start()).exitCode, 0);
    assert.match(await readFile(join(folder, "run/cloister/notices"), "utf8"), /audit rows may get lost/);
  });

  it("starts on AWS what signals the life cycle and ships the logs, before it waits for the session disk", async () => {
    await settings(variables({ target: "aws" }));
    await writeFile(join(folder, "proc/mounts"), "");
    assert.equal((await start()).exitCode, 1);
    const units = "systemctl start --no-block cloister-aws.service cloister-logs.service cloister-snaps.service";
    assert.deepEqual((await calls()).slice(-2), [units, "nft -f home/boot/wall.nft"]);
  });

  it("turns swap off, and stops when it stays on", async () => {
    await writeFile(join(folder, "proc/swaps"), "Filename Type\n/dev/zram0 partition\n");
    assert.equal((await start()).exitCode, 1);
    assert.deepEqual(await calls(), ["swapoff -a"]);
    assert.match(await said(), /^cloister: not ready: swap could not be turned off/);
    await fake("swapoff", `echo Filename > '${folder}/proc/swaps'`);
    assert.equal((await start()).exitCode, 0);
  });

  it("gives audit rows a journal of their own on the session disk, for root alone, of bounded size", async () => {
    assert.equal((await start()).exitCode, 0);
    const settings = await readFile(join(folder, "systemd/journald@cloister-audit.conf.d/cloister.conf"), "utf8");
    const { blocks, bsize } = await statfs(join(folder, "sessions"));
    const mib = Math.min(256, Math.floor((blocks * bsize) / 1048576 / 20));
    for (const line of ["Storage=persistent", `SystemMaxUse=${mib}M`, "SystemKeepFree=0", "RateLimitIntervalSec=0"]) {
      assert.ok(settings.split("\n").includes(line), line);
    }
    const unit = async (kind: string) =>
      await readFile(join(folder, `units/systemd-journald@cloister-audit.${kind}.d/cloister.conf`), "utf8");
    assert.match(await unit("socket"), /^SocketMode=0600$/m);
    assert.match(await unit("socket"), /^StopWhenUnneeded=no$/m);
    assert.match(await unit("service"), /^LogsDirectoryMode=0700$/m);
    assert.equal((await stat(join(folder, "sessions/.cloister/audit"))).mode & 0o777, 0o700);
    // A second time, when it is mounted.
    await writeFile(
      join(folder, "proc/mounts"),
      `a ${folder}/sessions ext4 rw 0 0\na ${folder}/${JOURNAL} ext4 rw 0 0\n`,
    );
    const before = (await calls()).length;
    await start();
    assert.ok(!(await calls()).slice(before).some((call) => call.startsWith("mount --bind")));
  });

  it("says when it cannot, and goes on: the verification then finds no rows", async () => {
    await fake("mount", "exit 32");
    assert.equal((await start()).exitCode, 0);
    assert.match(await notices(), /the journal of audit rows could not be put on the session disk/);
    await rm(join(folder, "run/cloister/notices"));
    await fake("mount", "exit 0");
    await start();
    assert.doesNotMatch(await notices(), /audit/);
  });

  it("says when users of sessions are not kept from the machine's sockets", async () => {
    // There are no control groups here; what the wall does is tested beside it (guest/boot/helper/internal/socketwall).
    assert.equal((await start()).exitCode, 0);
    assert.match(await notices(), /not kept from the machine's own sockets: boot-helper: .*fs\/cgroup: no such file/);
  });

  it("makes the kernel's settings stricter, and none of them looser", async () => {
    assert.equal((await start()).exitCode, 0);
    const now = await Promise.all(Object.keys(kernel).map(async (name) => [name, await settingOf(name)]));
    assert.deepEqual(Object.fromEntries(now), {
      "kernel/yama/ptrace_scope": "1",
      "kernel/unprivileged_userns_clone": "0",
      "kernel/kptr_restrict": "2",
      "kernel/perf_event_paranoid": "4",
      "kernel/unprivileged_bpf_disabled": "2",
      "dev/tty/ldisc_autoload": "0",
      "fs/suid_dumpable": "0",
      "fs/protected_regular": "2",
      "kernel/seccomp/actions_logged": "",
      "kernel/pty/max": "65536",
      "net/ipv4/tcp_max_orphans": "1048576",
      "net/ipv4/tcp_mem": "1000000\t1000000\t1000000",
    });
    assert.doesNotMatch(await notices(), /kernel's setting|Yama/);
    await setting("kernel/yama/ptrace_scope", "2");
    await start();
    assert.equal(await settingOf("kernel/yama/ptrace_scope"), "2");
  });

  it("reads all digits of a setting of the real kernel, which tells a shell's read the first one alone", async () => {
    const kernelScript = join(import.meta.dirname, "../../../../guest/boot/kernel.sh");
    const said = async (value: string): Promise<string> => {
      const script = `. ${kernelScript}; notice() { echo "$@"; }; CLOISTER_PROC=/proc; at_least kernel/pid_max ${value}`;
      return (await execa("sh", ["-c", script])).stdout;
    };
    const now = (await readFile("/proc/sys/kernel/pid_max", "utf8")).trim();
    assert.equal(await said("10"), "");
    // No kernel takes that many.
    assert.match(await said("99999999999"), new RegExp(`pid_max is ${now} and could not be made`), "the control");
    assert.equal((await readFile("/proc/sys/kernel/pid_max", "utf8")).trim(), now);
  });

  it("says which setting the kernel did not take, and that it has no Yama", async () => {
    await rm(join(folder, "proc/sys/fs/suid_dumpable"));
    await mkdir(join(folder, "proc/sys/fs/suid_dumpable"));
    await rm(join(folder, "proc/sys/kernel/yama"), { recursive: true });
    assert.equal((await start()).exitCode, 0);
    assert.match(await notices(), /fs\/suid_dumpable is unknown and could not be made 0/);
    assert.match(await notices(), /this kernel has no Yama/);
  });

  describe("apt's timers", () => {
    const wanted = async (name: string) => {
      await mkdir(join(folder, "etc/systemd/system/timers.target.wants"), { recursive: true });
      await writeFile(join(folder, "etc/systemd/system/timers.target.wants", name), "");
    };
    const again = async () => await execa(join(GUEST, "boot/timers-again"), { env: environment, stdin: "ignore" });

    it("wait from the first step on until the machine is ready, where there are any", async () => {
      await start();
      assert.ok(!(await calls()).some((call) => call.includes(".timer")));
      await wanted("apt-daily.timer");
      await wanted("apt-daily-upgrade.timer");
      const before = (await calls()).length;
      assert.equal((await start()).exitCode, 0);
      assert.equal((await calls())[before], "systemctl stop apt-daily.timer apt-daily-upgrade.timer");
      await again();
      assert.equal((await calls()).at(-1), "systemctl start --no-block apt-daily.timer apt-daily-upgrade.timer");
      await again();
      assert.equal((await calls()).filter((call) => /start .*\.timer/.test(call)).length, 1);
    });

    it("wait on a machine that is not ready", async () => {
      await wanted("apt-daily.timer");
      await start();
      await writeFile(join(folder, "run/cloister/failure"), "some row");
      await again();
      assert.doesNotMatch((await calls()).at(-1) ?? "", /\.timer/);
      await rm(join(folder, "run/cloister/failure"));
      await again();
      assert.match((await calls()).at(-1) ?? "", /start --no-block apt-daily\.timer/);
    });
  });

  it("holds SSM's agent where it is a snap, once snapd has its seed", async () => {
    const hold = async () => await execa(join(GUEST, "boot/hold-snaps"), { env: environment, reject: false });
    await fake("snap", "exit 0");
    assert.equal((await hold()).exitCode, 0);
    assert.deepEqual(await calls(), [
      "snap wait system seed.loaded",
      "snap list amazon-ssm-agent",
      "snap refresh --hold amazon-ssm-agent",
    ]);
    await fake("snap", '[ "$1" != list ]');
    assert.equal((await hold()).exitCode, 0);
    assert.match((await calls()).at(-1) ?? "", /^snap list/);
    await fake("snap", '[ "$1" != refresh ]');
    assert.notEqual((await hold()).exitCode, 0, "systemd tries again");
  });

  describe("AppArmor's restriction of user namespaces", () => {
    const NAME = "kernel/apparmor_restrict_unprivileged_userns";
    const parsers = async () => (await calls()).filter((call) => call.startsWith("apparmor_parser"));

    it("gets a profile for the launcher where there is one", async () => {
      await fake("apparmor_parser", "exit 0");
      await setting(NAME, "1");
      const { exitCode, all } = await start();
      assert.equal(exitCode, 0, all);
      assert.deepEqual(await parsers(), ["apparmor_parser --replace --skip-cache home/boot/launcher.apparmor"]);
      assert.doesNotMatch(await notices(), /AppArmor/);
    });

    it("gets none where there is none: an older AppArmor could not read it", async () => {
      await fake("apparmor_parser", "exit 1");
      await start();
      await setting(NAME, "0");
      await start();
      assert.deepEqual(await parsers(), []);
      assert.doesNotMatch(await notices(), /AppArmor/);
    });

    it("is told, with the way out, where the profile cannot be loaded", async () => {
      await fake("apparmor_parser", "echo Invalid profile flag >&2; exit 1");
      await setting(NAME, "1");
      const { exitCode, all } = await start();
      assert.equal(exitCode, 0, all);
      assert.match(await notices(), /userns is 1\).*could not be loaded: Invalid profile flag\..*sudo sysctl -w/);
    });

    it("has a profile of the program that makes them, and no other", async () => {
      const text = await readFile(join(GUEST, "boot/launcher.apparmor"), "utf8");
      assert.match(text, /^profile \S+ \/opt\/cloister\/bin\/apply-seccomp flags=\(unconfined\) \{\n {2}userns,\n\}$/m);
    });
  });

  it("brings Ubuntu 22.04 to the reference's kernel with one restart", async () => {
    await writeFile(join(folder, "etc/os-release"), 'ID=ubuntu\nVERSION_ID="22.04"\n');
    await writeFile(join(folder, "proc/uptime"), "20.00 1.00\n");
    await fake("uname", "echo 5.15.0-125-generic");
    await fake("apt-get", "exit 0");
    const first = await start();
    assert.equal(first.exitCode, 0, first.all);
    assert.match((await calls()).at(-2) ?? "", /^apt-get .* install linux-image-virtual-hwe-22\.04$/);
    assert.equal((await calls()).at(-1), "systemctl reboot");
    assert.equal((await start()).exitCode, 1, "it does not restart for ever");
    assert.match(await said(), /not ready: kernel 6\.8 was installed, yet 5\.15\.0-125-generic started/);
    await fake("uname", "echo 6.8.0-90-generic");
    assert.equal((await start()).exitCode, 0);
  });

  describe("lock-modules", () => {
    const lock = async () => await execa(join(GUEST, "boot/lock-modules"), { env: environment, stdin: "ignore" });

    it("loads what may be needed later, and nothing after that", async () => {
      await mkdir(join(folder, "run/cloister"), { recursive: true });
      await setting("kernel/modules_disabled", "0");
      await setting("kernel/modprobe", "/sbin/modprobe");
      // What is locked when modules are loaded is seen by who loads them.
      await fake("modprobe", `cat '${folder}/proc/sys/kernel/modules_disabled' >> '${folder}/calls'`);
      await lock();
      assert.match((await calls())[0] ?? "", /^modprobe --all --quiet .*nf_tables.*quota_v2/);
      assert.equal((await calls())[1], "0");
      assert.equal(await settingOf("kernel/modules_disabled"), "1");
      assert.equal(await settingOf("kernel/modprobe"), "", "nor does the kernel ask for any");
      assert.equal(await notices(), "");
    });

    it("locks although a module is not there, and leaves a kernel without modules alone", async () => {
      await mkdir(join(folder, "run/cloister"), { recursive: true });
      await fake("modprobe", "exit 1");
      await lock();
      await assert.rejects(calls(), "nothing was loaded");
      await setting("kernel/modules_disabled", "0");
      await lock();
      assert.equal(await settingOf("kernel/modules_disabled"), "1");
    });

    it("says that modules can still be loaded where the kernel does not take it", async () => {
      await mkdir(join(folder, "run/cloister"), { recursive: true });
      await mkdir(join(folder, "proc/sys/kernel/modules_disabled"), { recursive: true });
      await fake("modprobe", "exit 0");
      await lock();
      assert.match(await notices(), /kernel\/modules_disabled is unknown and could not be made 1/);
    });
  });

  it("stops without a packet filter, and then no session may run", async () => {
    await start();
    await fake("nft", "echo 'no such table'; exit 1");
    assert.equal((await start()).exitCode, 1);
    assert.match(await said(), /cloister: not ready: could not load the packet filter: no such table/);
    await assert.rejects(readFile(join(folder, "run/cloister/wall")), /ENOENT/);
    assert.match(await readFile(join(folder, "run/cloister/failure"), "utf8"), /no such table/);
  });

  it("stops without what user data leaves for it, and says which file that is", async () => {
    await rm(join(folder, "etc/cloister/boot.env"));
    assert.equal((await start()).exitCode, 1);
    assert.match(await said(), /^cloister: not ready: cannot read .*etc\/cloister\/boot\.env, which cloud-init writes/);
    await assert.rejects(calls(), /ENOENT/, "nothing was done");
  });

  describe("with a wrong value", () => {
    /** What both the host, when it renders user data, and the machine, when it boots, must refuse. */
    const hostile = [
      "$(touch HERE)",
      "`touch HERE`",
      "a;touch HERE",
      "a b",
      "a'b",
      'a"b',
      "\\",
      "*",
      "x\u00e9",
      "x".repeat(300),
    ];
    const numbers = ["0", "-1", "08", "1e9", "1.5", "0x10", "1000000000", "1 2"];
    const wrong: Partial<Record<BootVariable, string[]>> = {
      TARGET: ["", "azure", "Local", "local ", ...hostile],
      SESSION_SERIAL: ["", "x".repeat(21), ...hostile],
      SESSION_LABEL: ["", "x".repeat(17), "a.b", ...hostile],
      SESSION_DEVICE: ["/dev/sda", "/dev/sdf1", "/dev/nvme0n1", "../dev/sdf", ...hostile],
      MEMORY_MIB: ["", ...numbers, ...hostile],
      TASKS_MAX: ["", ...numbers, ...hostile],
      PACKAGES: ["Make", "-y", ",make", "make,", "make,,gcc", "make gcc", "make,-y", ...hostile.slice(0, -1)],
      PACKAGES_SECONDS: ["", ...numbers, ...hostile],
      DEBIAN_MIRROR: ["mirror", "file:///x", "http://", "http://a b", "http://a@b", ...hostile],
    };
    for (const [variable, values] of Object.entries(wrong) as [BootVariable, string[]][]) {
      it(`${variable} stops before anything is done`, async () => {
        for (const value of values) {
          const text = value.replace("HERE", join(folder, "made"));
          assert.throws(() => bootEnvironment({ ...variables(), [variable]: text }), new RegExp(`${variable}: `), text);
          const lines = Object.entries({ ...variables(), [variable]: text }).map(([name, one]) => `${name}=${one}\n`);
          await writeFile(join(folder, "etc/cloister/boot.env"), lines.join(""));
          await rm(join(folder, "console"), { force: true });
          assert.equal((await start()).exitCode, 1, text);
          assert.match(await said(), new RegExp(`^cloister: not ready: .*boot\\.env: ${variable} is '`), text);
          await assert.rejects(calls(), /ENOENT/, text);
          await assert.rejects(stat(join(folder, "made")), /ENOENT/, text);
        }
        // The control: the same file with the right value.
        await settings(variables());
        assert.equal((await start()).exitCode, 0);
      });
    }

    it("with a second line is refused when it is rendered: the file would have two", () => {
      assert.throws(() => bootEnvironment({ ...variables(), SESSION_LABEL: "a\nTASKS_MAX=1" }), /SESSION_LABEL: /);
      assert.throws(() => bootEnvironment({ ...variables(), SESSION_LABEL: "a\n" }), /SESSION_LABEL: /);
      assert.match(bootEnvironment({ ...variables(), SESSION_LABEL: "a" }), /^SESSION_LABEL=a$/m);
    });

    it("is known to the shell for every variable that it reads, and all of these are written", async () => {
      const script = await readFile(join(GUEST, "boot/settings.sh"), "utf8");
      const read = [...script.matchAll(/^ {6}([A-Z_]+)\) [a-z_]+=\$_value ;;$/gm)].map(([, name]) => name ?? "");
      const all = {
        sessionDisk: { device: "/dev/sdf" },
        packages: ["make"],
        debianMirror: "http://mirror.example/debian",
      };
      assert.deepEqual(
        read,
        Object.keys(variables(all)).filter((name) => !name.startsWith("RUNTIME_")),
      );
      for (const name of read) assert.ok(name in BOOT_VARIABLES && name in wrong, name);
    });
  });

  it("takes no variable of its environment for one of the file", async () => {
    const { TASKS_MAX: _, ...rest } = variables();
    await settings(rest);
    environment = { ...environment, TASKS_MAX: "5", tasks_max: "5" };
    assert.equal((await start()).exitCode, 1);
    assert.match(await said(), /TASKS_MAX is '' and must be a whole number/);
  });

  it("looks for the session disk that the file names", async () => {
    await writeFile(join(folder, "proc/mounts"), "");
    await settings(variables({ sessionDisk: { serial: "vol0123", label: "mine", device: "/dev/sdg" } }));
    assert.equal((await start()).exitCode, 1);
    assert.match(
      await said(),
      /not ready: no session disk: no disk has the name \/dev\/sdg or the serial number vol0123, and no file system has the label mine/,
    );
  });

  it("stops without a session disk", async () => {
    await writeFile(join(folder, "proc/mounts"), "");
    assert.equal((await start()).exitCode, 1);
    assert.match(await said(), /not ready: no session disk/);
    assert.match(await readFile(join(folder, "run/cloister/failure"), "utf8"), /^no session disk: /);
  });

  it("has the schema's defaults", async () => {
    const { sessions: _, ...bare } = machine;
    await settings(bootVariables(parseMachine(bare)));
    assert.equal((await start()).exitCode, 0);
    assert.equal(
      await readFile(join(folder, "units/cloister.slice.d/machine.conf"), "utf8"),
      "[Slice]\nMemoryMax=3891M\nMemorySwapMax=0\nTasksMax=8192\n",
    );
  });

  describe("verify-ended", () => {
    const ended = async (env: Record<string, string>) => {
      await mkdir(join(folder, "run/cloister"), { recursive: true });
      await execa(join(GUEST, "boot/verify-ended"), { env: { ...environment, ...env }, stdin: "ignore" });
      return await said().catch(() => "");
    };

    it("says that a machine was not verified when the verification did not come to its end", async () => {
      assert.equal(await ended({ SERVICE_RESULT: "success" }), "");
      assert.match(
        await ended({ SERVICE_RESULT: "timeout", EXIT_STATUS: "15" }),
        /^cloister: not ready: CLOISTER_E_VERIFICATION_UNFINISHED: the verification did not finish \(timeout, 15\)/,
      );
    });

    it("says nothing when the verification has said it", async () => {
      await mkdir(join(folder, "run/cloister"), { recursive: true });
      await writeFile(join(folder, "run/cloister/verification.json"), "{}");
      assert.equal(await ended({ SERVICE_RESULT: "exit-code", EXIT_STATUS: "1" }), "");
    });
  });
});

describe("boot: the wall before the machine's sockets", () => {
  it("is for all users of sessions, and lets their bridges through", async () => {
    const text = await readFile(join(GUEST, "boot/helper/internal/socketwall/socketwall.go"), "utf8");
    const number = (name: string) => Number(new RegExp(`${name} += ([0-9_]+)$`, "m").exec(text)?.[1]?.replace("_", ""));
    assert.deepEqual({ from: number("firstUser"), to: number("lastUser") }, SESSION_USERS);
    for (const name of [HTTP_SOCKET, SOCKS_SOCKET]) assert.ok(text.includes(`"${INSIDE_SOCKETS}/${name}"`), name);
  });
});

describe("boot: the packet filter", () => {
  it("is loaded as one transaction, twice, and covers all users of sessions", async function () {
    this.timeout(30_000);
    const namespace = ["unshare", "--user", "--map-root-user", "--net"];
    const can = await execa(namespace[0] as string, [...namespace.slice(1), "nft", "list", "ruleset"], {
      env: { PATH },
      reject: false,
    });
    if (can.failed) this.skip();
    const file = join(GUEST, "boot/wall.nft");
    const script = `nft -f '${file}' && nft -f '${file}' && nft list ruleset`;
    const { stdout } = await execa(namespace[0] as string, [...namespace.slice(1), "sh", "-c", script], {
      env: { PATH },
    });
    assert.match(
      stdout,
      new RegExp(
        `meta skuid ${SESSION_USERS.from}-${SESSION_USERS.to} counter name "sessions" reject with icmpx (type )?admin-prohibited`,
      ),
    );
    assert.equal(stdout.match(/^table /gm)?.length, 1);
  });
});
