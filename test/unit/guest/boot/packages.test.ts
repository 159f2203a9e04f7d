import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { repositoryOf, TestMirror } from "../../../support/apt/mirror.ts";

const BOOT = join(import.meta.dirname, "../../../../guest/boot");
/** How long locks are held and mirrors refuse, in seconds: `npm run test:first-boot` waits a minute, as bad mirrors do. */
const HOLD = Number(process.env["CLOISTER_TEST_HOLD_SECONDS"] ?? 2);

/**
 * The boot's packages, by the computer's own apt and dpkg, in a folder that they take for the whole system. What stands
 * in: `systemctl`, and small packages that hold one file.
 */
describe("boot: packages", function () {
  this.timeout((60 + 4 * HOLD) * 1000);
  let folder: string;
  let mirror: TestMirror;
  let environment: Record<string, string>;

  before(async function () {
    if (!existsSync("/usr/bin/apt-get") || !existsSync("/usr/bin/dpkg-deb")) this.skip();
    mirror = await TestMirror.start([
      { name: "needs-this", depends: "and-that" },
      { name: "and-that" },
      { name: "useful" },
      { name: "asked-for" },
      {
        name: "linux-modules-extra-6.8.0-1-test",
        files: ["fs/quota/quota_v2.ko", "fs/quota/quota_tree.ko", "drivers/any/other.ko"].map(
          (path) => `lib/modules/6.8.0-1-test/kernel/${path}`,
        ),
      },
    ]);
  });
  after(async () => await mirror?.close());

  beforeEach(async () => {
    mirror.down = false;
    folder = await mkdtemp(join(tmpdir(), "cloister-packages-"));
    for (const name of [
      ...["home/boot", "fake", "run", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d"],
      ...["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"],
    ]) {
      await mkdir(join(folder, name), { recursive: true });
      await chmod(join(folder, name), 0o755);
    }
    await chmod(folder, 0o755);
    await put("var/lib/dpkg/status", "");
    await put("etc/os-release", 'ID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n');
    await put("etc/apt/key.asc", mirror.publicKey);
    await put("etc/apt/sources.list", `deb [signed-by=${folder}/etc/apt/key.asc] ${mirror.url} ./\n`);
    await put("home/boot/packages.list", "needed needs-this\ntool useful\n");
    await put(
      "apt.conf",
      `Dir "${folder}";\nDir::Bin::methods "/usr/lib/apt/methods";\nDir::Bin::solvers "";\nDir::Etc::main "";\n` +
        `Dir::State::status "${folder}/var/lib/dpkg/status";\nAPT::Sandbox::User "root";\n` +
        `Dir::Bin::dpkg "${folder}/fake/dpkg";\nDir::Log "${folder}/log";\n`,
    );
    await mkdir(join(folder, "log"));
    await fake("systemctl", "exit 0");
    await fake("dpkg", `exec /usr/bin/dpkg --root='${folder}' --log=/dev/null "$@"`);
    await fake("dpkg-query", `exec /usr/bin/dpkg-query --admindir='${folder}/var/lib/dpkg' "$@"`);
    environment = {
      PATH: `${folder}/fake:/usr/sbin:/usr/bin:/sbin:/bin`,
      APT_CONFIG: join(folder, "apt.conf"),
      CLOISTER_HOME: join(folder, "home"),
      CLOISTER_ETC: join(folder, "etc"),
      CLOISTER_VAR: join(folder, "var"),
      CLOISTER_RUN: join(folder, "run"),
      CLOISTER_CONSOLE: join(folder, "console"),
      CLOISTER_BACKOFF: HOLD < 10 ? "0.2 0.5" : "2 4 8 16 30",
      CLOISTER_TOOL_SECONDS: "2",
    };
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  const put = async (path: string, text: string) => await writeFile(join(folder, path), text);
  const fake = async (name: string, body: string) =>
    await writeFile(join(folder, "fake", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });

  /** Runs a command as root of this computer, or of a user namespace: dpkg gives files to root. */
  const asRoot = (command: string[]) => {
    const [program = "", ...args] =
      process.getuid?.() === 0 ? command : ["unshare", "--user", "--map-root-user", "--", ...command];
    return execa(program, args, { env: environment, extendEnv: false, all: true, reject: false, stdin: "ignore" });
  };
  /** Installs what is lacking, with `seconds` of patience. */
  const install = (extra = "", seconds = 60 + 2 * HOLD, more = "") =>
    asRoot([
      "sh",
      "-c",
      `. '${BOOT}/lib.sh'; . '${BOOT}/packages.sh'; this_release; ${more}
       read -r now rest </proc/uptime; machine_packages "$1" "$((\${now%%.*} + $2))" "\${3:-}"`,
      "sh",
      extra,
      String(seconds),
    ]);
  const has = (name: string) => existsSync(join(folder, "usr/share", name, "here"));
  /** The last line of the console. */
  const said = async () => await readFile(join(folder, "console"), "utf8").catch(() => "");
  const notices = async () => await readFile(join(folder, "run/notices"), "utf8").catch(() => "");

  /** Holds a lock as apt and dpkg do (fcntl(2)), until it is let go. */
  async function hold(...paths: string[]): Promise<() => void> {
    const program = `import fcntl, sys, time
held = [open(path, "w") for path in sys.argv[1:]]
for file in held: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
time.sleep(600)`;
    const holder = execa("python3", ["-c", program, ...paths.map((path) => join(folder, path))], { reject: false });
    await once(holder.stdout, "data");
    return () => void holder.kill();
  }
  const apt = async (...args: string[]) => await asRoot(["apt-get", "-q", "-y", ...args]);

  it("come from the mirror, with what they depend on, once", async () => {
    const { exitCode, all } = await install("asked-for");
    assert.equal(exitCode, 0, all);
    for (const name of ["needs-this", "and-that", "useful", "asked-for"]) assert.ok(has(name), name);
    const before = mirror.answered;
    assert.equal((await install("asked-for")).exitCode, 0);
    assert.equal(mirror.answered, before, "nothing is asked for twice");
    assert.ok(!existsSync(join(folder, "var/cache/cloister/apt")), "nothing is left on the root disk");
  });

  it("come from the runtime image, without any mirror", async () => {
    mirror.down = true;
    await putRepository("home/debs/ubuntu-22.04");
    const { exitCode, all } = await install();
    assert.equal(exitCode, 0, all);
    assert.ok(has("needs-this") && has("and-that") && has("useful"));
    assert.equal(await notices(), "");
    // The control: another release has no folder in the image, and the mirror is gone.
    await rm(join(folder, "usr"), { recursive: true });
    await put("var/lib/dpkg/status", "");
    await rm(join(folder, "var/lib/cloister"), { recursive: true });
    await put("etc/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\n');
    assert.equal((await install("", 2)).exitCode, 1);
  });

  it("are refused from the runtime image when one has not the digest of the index", async () => {
    const debs = await putRepository("home/debs/ubuntu-22.04");
    const whole = debs.get("and-that.deb") ?? Buffer.alloc(0);
    await writeFile(join(folder, "home/debs/ubuntu-22.04/and-that.deb"), Buffer.concat([whole, Buffer.from("x")]));
    const { exitCode } = await install();
    assert.equal(exitCode, 0, "the mirror has them");
    assert.match(await notices(), /packages of the runtime image could not be installed \(.*and-that/);
  });

  it("wait for nobody who reads package lists", async () => {
    const release = await hold("var/lib/apt/lists/lock", "var/cache/apt/archives/lock");
    const control = await apt("update");
    assert.equal(control.exitCode, 100);
    assert.match(control.all, /Could not get lock .*lists\/lock/);
    const { exitCode, all } = await install();
    release();
    assert.equal(exitCode, 0, all);
    assert.ok(has("needs-this"));
  });

  it("wait for dpkg's lock until it is let go", async () => {
    const release = await hold("var/lib/dpkg/lock-frontend");
    assert.equal((await apt("update")).exitCode, 0);
    const control = await apt("install", "needs-this");
    assert.match(control.all, /Could not get lock .*lock-frontend/);
    const started = Date.now();
    setTimeout(release, HOLD * 1000);
    const { exitCode, all } = await install();
    assert.equal(exitCode, 0, all);
    assert.ok(Date.now() - started >= HOLD * 1000, "it was held");
    assert.ok(has("needs-this"));
  });

  it("are asked for again while the mirror refuses", async () => {
    mirror.down = true;
    const before = mirror.refused;
    const running = install();
    await sleep(HOLD * 1000);
    assert.ok(!has("needs-this"));
    assert.ok(mirror.refused > before + 1, "it was asked more than once");
    mirror.down = false;
    const { exitCode, all } = await running;
    assert.equal(exitCode, 0, all);
    assert.ok(has("needs-this") && has("useful"));
    assert.match(all, /^cloister: packages: .*; trying again for at most \d+ s$/m);
  });

  it("end the boot with the reason when the mirror stays away", async () => {
    mirror.down = true;
    const { exitCode } = await install("asked-for", 1 + HOLD);
    assert.equal(exitCode, 1);
    assert.match(
      await said(),
      /^cloister: not ready: could not install needs-this asked-for from the mirror of packages: (?:Failed to fetch|no answer:) http:\/\/127\.0\.0\.1:.* \(tries: \d+\)\. See cloister:packages/,
    );
    assert.match(await readFile(join(folder, "run/failure"), "utf8"), /could not install needs-this/);
  });

  it("end it at once when the mirror has no such package", async () => {
    const started = Date.now();
    const { exitCode } = await install("no-such-thing", 600);
    assert.equal(exitCode, 1);
    assert.ok(Date.now() - started < 30_000);
    assert.match(await said(), /not ready: .*Unable to locate package no-such-thing \(tries: 1\)/);
  });

  it("are not taken from a mirror whose key is another", async () => {
    const other = await TestMirror.start([{ name: "needs-this" }, { name: "useful" }]);
    try {
      // The same address and packages, by another signer.
      await put("etc/apt/sources.list", `deb [signed-by=${folder}/etc/apt/key.asc] ${other.url} ./\n`);
      const { exitCode } = await install("", 1 + HOLD);
      assert.equal(exitCode, 1);
      assert.match(await said(), /not ready: .*(not signed|signatures couldn't be verified|NO_PUBKEY)/i);
      assert.ok(!has("needs-this"));
      await put("etc/apt/key.asc", other.publicKey);
      assert.equal((await install()).exitCode, 0, "with its own key it is trusted");
    } finally {
      await other.close();
    }
  });

  it("that are only useful keep no machine from being one", async () => {
    await put("home/boot/packages.list", "needed needs-this\ntool no-such-tool\n");
    const { exitCode } = await install();
    assert.equal(exitCode, 0);
    assert.ok(has("needs-this"));
    assert.match(await notices(), /this machine lacks no-such-tool which no mirror gave: Unable to locate package/);
  });

  it("of Debian's stand-in come from the mirror that its operator's computer has", async () => {
    await put("etc/os-release", "ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n");
    await install("", 2, `set -- "$1" "$2" http://mirror.example/debian; `);
    assert.equal(
      await readFile(join(folder, "etc/apt/sources.list.d/cloister.list"), "utf8"),
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian trixie main\n",
    );
  });

  describe("the module of quotas", () => {
    const module = (name: string) => join(folder, "modules/6.8.0-1-test/kernel", name);
    const modules = async () => await readFile(join(folder, "loaded"), "utf8").catch(() => "");
    const get = async (prepare = async () => {}) => {
      await mkdir(join(folder, "modules"), { recursive: true });
      environment["CLOISTER_MODULES"] = join(folder, "modules");
      await fake("uname", "echo 6.8.0-1-test");
      await fake("depmod", `echo depmod >> '${folder}/loaded'`);
      // As the kernel's: it is there to be loaded when its file is.
      await fake("modprobe", `test -e '${module("fs/quota/quota_v2.ko")}' && echo "$*" >> '${folder}/loaded'`);
      await prepare();
      return await asRoot([
        "sh",
        "-c",
        `. '${BOOT}/lib.sh'; . '${BOOT}/packages.sh'; . '${BOOT}/quota.sh'; this_release
         read -r now rest </proc/uptime; quota_module "$((\${now%%.*} + 60))"`,
      ]);
    };

    it("comes from Ubuntu's package of drivers, without the other drivers, and is loaded", async () => {
      const { exitCode, all } = await get();
      assert.equal(exitCode, 0, all);
      assert.equal(await modules(), "depmod\n-q quota_v2\n", await notices());
      assert.ok(existsSync(module("fs/quota/quota_tree.ko")));
      assert.ok(!existsSync(module("drivers")));
      const before = mirror.answered;
      await get();
      assert.equal(mirror.answered, before, "it is there");
    });

    it("is looked for again by the next boot when no mirror answers, for a shorter time", async () => {
      mirror.down = true;
      const { exitCode, all } = await get();
      assert.equal(exitCode, 0, all);
      assert.match(await notices(), /module of quotas could not be had from the mirror of packages: .*127\.0\.0\.1/);
      assert.ok(!existsSync(join(folder, "var/cache/cloister/apt")), "nothing is left of the tries");
      const before = mirror.refused;
      environment["CLOISTER_QUOTA_SECONDS"] = "1";
      const start = Date.now();
      assert.equal((await get()).exitCode, 0);
      assert.ok(mirror.refused > before);
      assert.ok(Date.now() - start < 10_000, "the first limit is a minute");
      mirror.down = false;
      environment["CLOISTER_QUOTA_SECONDS"] = "30";
      await get();
      assert.equal(await modules(), "depmod\n-q quota_v2\n", await notices());
    });

    it("is looked for once where the mirror has no such package, or the kernel does not take it", async () => {
      const once = async (said: RegExp, prepare: () => Promise<void>) => {
        assert.equal((await get(prepare)).exitCode, 0);
        assert.match(await notices(), said);
        const before = mirror.answered;
        assert.equal((await get(prepare)).exitCode, 0);
        assert.equal(mirror.answered, before);
      };
      await once(
        /Unable to locate package linux-modules-extra-6\.9/,
        async () => await fake("uname", "echo 6.9.0-1-test"),
      );
      await once(/did not take the module of quotas/, async () => await fake("modprobe", "exit 1"));
    });

    it("is asked of no mirror by another distribution, whose kernel has it", async () => {
      await put("etc/os-release", "ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n");
      const before = mirror.answered;
      assert.equal((await get()).exitCode, 0);
      assert.equal(mirror.answered, before);
    });
  });

  /** Lays the mirror's packages down as the runtime image has them. */
  async function putRepository(path: string): Promise<Map<string, Buffer>> {
    const files = await repositoryOf([
      { name: "needs-this", depends: "and-that" },
      { name: "and-that" },
      { name: "useful" },
    ]);
    await mkdir(join(folder, path), { recursive: true });
    for (const [name, data] of files) await writeFile(join(folder, path, name), data);
    return files;
  }
});
