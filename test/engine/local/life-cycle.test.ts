import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { execaSync } from "execa";
import { livingFilter, livingProcess } from "../../../infra/local/host/living.ts";
import { freePort } from "../../../lib/free-port.ts";
import { GOOD_REPORT, LocalStack } from "../../support/local/stack.ts";
import { ends } from "../../support/processes.ts";

/**
 * The life of a local stack with the real engine, program, steps and plugins; QEMU, ssh and images are stand-ins. Any of
 * these tests can be run alone (`--grep`): each that needs a machine begins with one that runs.
 */
describe("the local stack", function () {
  this.timeout(180_000);
  this.slow(30_000);
  let stack: LocalStack;

  const succeeds = async (run: Promise<{ exitCode: number | undefined; all: string }>): Promise<string> => {
    const { exitCode, all } = await run;
    assert.equal(exitCode, 0, all);
    return all;
  };
  const fails = async (run: Promise<{ exitCode: number | undefined; all: string }>): Promise<string> => {
    const { exitCode, all } = await run;
    assert.notEqual(exitCode, 0, all);
    return all;
  };
  const set = async (key: string, value: string) =>
    await succeeds(stack.engine.run(["config", "set", `cloister:${key}`, value, "-s", stack.engine.stack]));
  const allowHost = async (service: string) =>
    await succeeds(
      stack.engine.run(["config", "set", "--path", "cloister:hostAccess[0]", service, "-s", stack.engine.stack]),
    );
  const pid = (): number | undefined => livingProcess(stack.paths)?.pid;
  /** Waits until QEMU runs. */
  const machineProcess = async (): Promise<number> => {
    for (;;) {
      const machine = pid();
      if (machine !== undefined) return machine;
      await sleep(100);
    }
  };
  /** Kills the machine's QEMU; fails when none runs, as a signal must never go to a number that is no process of ours. */
  const killMachine = async (): Promise<void> => {
    const machine = livingProcess(stack.paths);
    assert.ok(machine, "a machine runs");
    process.kill(machine.pid, "SIGKILL");
    await ends(machine.pid);
  };
  const sessionDisk = async () => (await stat(stack.paths.sessionDisk)).ino;

  before(async () => {
    stack = await LocalStack.create();
  });
  after(async () => {
    await stack.dispose();
  });

  it("is refused as a whole when its configuration is wrong, and nothing is created", async () => {
    await set("cpus", "0");
    await set("memmoryMiB", "2048");
    await set("rootDiskGiB", "large");
    const text = await fails(stack.engine.up());
    assert.match(text, /has 3 problems; nothing was created or changed/);
    assert.match(text, /cloister:cpus = "0": must be at least 1/);
    assert.match(text, /cloister:rootDiskGiB = "large": /);
    assert.match(text, /Did you mean cloister:memoryMiB\?/);
    assert.doesNotMatch(text, /\bat .*\.ts:\d+/, "no stack trace");
    assert.deepEqual(
      (await stack.engine.resources()).filter(({ type }) => type === "command:local:Command"),
      [],
    );
    assert.ok(!existsSync(stack.paths.root));
    for (const key of ["cpus", "memmoryMiB", "rootDiskGiB"]) {
      await succeeds(stack.engine.run(["config", "rm", `cloister:${key}`, "-s", stack.engine.stack]));
    }
  });

  it("is refused when its port is taken, and accepted when it is free again", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await set("sshPort", String(port));
    const text = await fails(stack.engine.preview());
    assert.match(text, new RegExp(`cloister:sshPort = ${port}: is taken by another program`));
    await new Promise((resolve) => server.close(resolve));
    await succeeds(stack.engine.preview());
  });

  it("is refused with a QEMU that has no network to filter, and with a service that names no host, in one round", async () => {
    const preview = ["preview", "-s", stack.engine.stack];
    const text = await fails(stack.engine.run(preview, { CLOISTER_TEST_QEMU_LACKS: "user" }));
    assert.match(text, /QEMU's user network \(libslirp\), which qemu-system-\w+ here is built without, is missing/);
    await allowHost("printer:80");
    assert.match(
      await fails(stack.engine.run(preview)),
      /cloister:hostAccess\[0\] = "printer:80": names are not looked up/,
    );
    await succeeds(stack.engine.run(["config", "rm", "cloister:hostAccess", "-s", stack.engine.stack]));
  });

  describe("with a machine", () => {
    before(async () => {
      await allowHost("localhost:8080");
    });
    beforeEach(async () => {
      if (pid() === undefined) await succeeds(stack.engine.up());
    });

    it("comes up: a machine runs, and the outputs say how to reach it", async () => {
      assert.ok(pid());
      const outputs = await stack.engine.outputs();
      assert.match(
        String(outputs["network"]),
        /nothing of this computer or of its networks but localhost:8080\. It cannot/,
      );
      assert.match(String(outputs["ssh"]), /^ssh -F none -i .*operator@127\.0\.0\.1$/);
      assert.deepEqual(outputs["verification"], { ok: true, rows: 1, kept: 1, differs: [] });
      assert.match(await readFile(stack.paths.verification, "utf8"), /"ok": true/);
    });

    it("keeps the private key out of Pulumi's state", async () => {
      const privateKey = (await readFile(stack.paths.sshKey, "utf8")).split("\n")[2] ?? "";
      assert.ok(privateKey.length > 20);
      const { stdout } = await stack.engine.run(["stack", "export", "--show-secrets", "-s", stack.engine.stack]);
      assert.ok(!stdout.includes(privateKey));
      assert.ok(stdout.includes("ssh-ed25519"), "the control: the public key is there");
    });

    it("does nothing when nothing has changed", async () => {
      const before = pid();
      assert.match(await succeeds(stack.engine.preview("--expect-no-changes")), /11 unchanged/);
      assert.match(await succeeds(stack.engine.up()), /11 unchanged/);
      assert.equal(pid(), before);
    });

    it("restarts the machine with another port, in place", async () => {
      const before = pid();
      const port = await freePort();
      await set("sshPort", String(port));
      const text = await succeeds(stack.engine.up());
      assert.match(text, /~ 1 updated/);
      assert.doesNotMatch(text, /replaced/);
      assert.notEqual(pid(), before);
      const commandLine = execaSync("ps", ["-o", "command=", "-p", String(pid())]).stdout;
      assert.match(commandLine, new RegExp(`127\\.0\\.0\\.1:${port}-`));
    });

    it("replaces the machine for other CPUs or other user data, and keeps its session disk", async () => {
      await set("cpus", "2");
      assert.match(await succeeds(stack.engine.preview()), /machine-root-disk replace/);

      const machine = pid();
      const disk = await sessionDisk();
      await writeFile(stack.paths.console, "old");
      await set("hostname", "other");
      const text = await succeeds(stack.engine.up());
      assert.match(text, /replaced/);
      assert.notEqual(pid(), machine);
      assert.match(execaSync("ps", ["-o", "command=", "-p", String(pid())]).stdout, / -smp 2 /);
      assert.equal(await sessionDisk(), disk);
    });

    it("grows the session disk in place, and refuses to shrink it", async () => {
      const disk = await sessionDisk();
      await set("sessionDiskGiB", "12");
      await succeeds(stack.engine.up());
      assert.equal(await sessionDisk(), disk);
      const machine = pid();
      await set("sessionDiskGiB", "11");
      assert.match(
        await fails(stack.engine.preview()),
        /sessionDiskGiB = 11: the session disk has 12 GiB, and disks only grow/,
      );
      await fails(stack.engine.up());
      assert.equal(pid(), machine, "the machine is not touched");
      await set("sessionDiskGiB", "12");
      await succeeds(stack.engine.up());
      assert.equal(pid(), machine);
    });

    it("notices at a refresh that the machine was killed; the next up brings it back with its session disk", async () => {
      const machine = pid();
      const disk = await sessionDisk();
      await killMachine();
      assert.match(await succeeds(stack.engine.refresh()), /- 1 deleted/);
      await succeeds(stack.engine.up());
      assert.ok(pid());
      assert.notEqual(pid(), machine);
      assert.equal(await sessionDisk(), disk);
    });

    it("has no machine without its packet filter, and no filter without its machine", async () => {
      const machine = await machineProcess();
      const filter = livingFilter(stack.paths) ?? assert.fail("no packet filter runs");
      process.kill(filter, "SIGKILL");
      await ends(machine);
      await succeeds(stack.engine.up());
      const next = livingFilter(stack.paths) ?? assert.fail("no packet filter runs");
      await killMachine();
      await ends(next);
      await succeeds(stack.engine.up());
      // One that hangs does not outlive its machine either.
      const hanging = livingFilter(stack.paths) ?? assert.fail("no packet filter runs");
      process.kill(hanging, "SIGSTOP");
      await succeeds(stack.engine.run(["config", "rm", "cloister:hostAccess", "-s", stack.engine.stack]));
      await succeeds(stack.engine.up());
      await ends(hanging);
      assert.notEqual(livingFilter(stack.paths), hanging);
    });

    it("notices without a refresh, too", async () => {
      await killMachine();
      assert.match(await succeeds(stack.engine.preview()), /PowerState.*replace/);
      await succeeds(stack.engine.up());
      assert.ok(pid());
    });

    it("fails with the report when the machine does not verify, and leaves no machine running", async () => {
      const [row] = GOOD_REPORT.rows;
      const bad = { ...row, seen: "ubuntu", status: "differs", fails: true };
      await stack.setReport({ ...GOOD_REPORT, ok: false, rows: [bad] });
      await killMachine();
      const text = await fails(stack.engine.up());
      assert.match(text, /did not pass its verification/);
      assert.match(text, /O3.*hostname/);
      assert.equal(pid(), undefined);
      await stack.setReport(GOOD_REPORT);
      await succeeds(stack.engine.up());
      assert.ok(pid());
    });

    it("fails with the console's word when the machine stops on its way, and the next up recovers", async () => {
      await killMachine();
      const console = "cloister: not ready: the session disk holds an unknown file system (xfs); it was not touched";
      const up = ["up", "--yes", "--skip-preview", "-s", stack.engine.stack];
      const text = await fails(stack.engine.run(up, { CLOISTER_TEST_CONSOLE: console }));
      assert.match(text, /the session disk holds an unknown file system \(xfs\)/);
      assert.equal(pid(), undefined);
      await succeeds(stack.engine.up());
      assert.ok(pid());
    });

    it("asks for the report where a message of the kernel tore it", async () => {
      await killMachine();
      const up = ["up", "--yes", "--skip-preview", "-s", stack.engine.stack];
      const torn = "cloister: report H4sIAAAA[   31.2] a message of the kernel\ncloister: ready";
      await succeeds(stack.engine.run(up, { CLOISTER_TEST_CONSOLE: torn }));
      assert.match(await readFile(stack.paths.verification, "utf8"), /"ok": true/);
    });

    it("leaves no machine when it is interrupted while the machine starts, and recovers", async () => {
      await killMachine();
      const up = ["up", "--yes", "--skip-preview", "-s", stack.engine.stack];
      const running = stack.engine.start(up, { CLOISTER_TEST_CONSOLE: "still starting" });
      const orphan = await machineProcess();
      running.kill("SIGINT");
      assert.notEqual((await running).exitCode, 0);
      await ends(orphan);
      await succeeds(stack.engine.up());
      assert.ok(pid());
    });

    it("shows in a preview what a changed setting changes", async () => {
      await set("memoryMiB", "2304");
      const text = await succeeds(stack.engine.preview("--diff"));
      assert.match(text, /~ CLOISTER_STEP_INPUT\s*: \(json\) \{[^}]*~ memoryMiB\s*: 2048 => 2304/);
      assert.match(text, /~ userData: \(yaml\)[\s\S]*~ sessions\s*: \{\s*~ memoryMiB: 1024 => 1280/);
      await set("memoryMiB", "2048");
      await succeeds(stack.engine.preview("--expect-no-changes"));
    });

    it("makes the root disk again when its first boot was cut short, and only then", async () => {
      const rootDisk = async () => (await stat(stack.paths.rootDisk)).ino;
      const before = await rootDisk();
      await killMachine();
      await succeeds(stack.engine.up());
      assert.equal(await rootDisk(), before, "a machine that was verified keeps its disk");
      // Other user data: a new machine from a fresh root disk.
      await set("hostname", "cut-short");
      await killMachine();
      const up = ["up", "--yes", "--skip-preview", "-s", stack.engine.stack];
      const running = stack.engine.start(up, { CLOISTER_TEST_CONSOLE: "still starting" });
      await machineProcess();
      running.kill("SIGINT");
      assert.notEqual((await running).exitCode, 0);
      const cut = await rootDisk();
      assert.match(await succeeds(stack.engine.up()), /first boot on this root disk was cut short/);
      assert.notEqual(await rootDisk(), cut);
    });

    it("recovers from a run of which everything was killed while the machine started", async () => {
      await killMachine();
      const up = ["up", "--yes", "--skip-preview", "-s", stack.engine.stack];
      const running = stack.engine.start(up, { CLOISTER_TEST_CONSOLE: "still starting" });
      const orphan = await machineProcess();
      running.kill("SIGKILL");
      await running;
      await ends(orphan);
      await succeeds(stack.engine.run(["cancel", "--yes", "-s", stack.engine.stack]));
      await succeeds(stack.engine.up());
      assert.notEqual(pid(), orphan);
    });

    it("leaves no process, no file and no port when it is destroyed", async () => {
      const machine = await machineProcess();
      const port = livingProcess(stack.paths)?.sshPort ?? 0;
      const filter = livingFilter(stack.paths) ?? assert.fail("no packet filter runs");
      await succeeds(stack.engine.destroy());
      await ends(machine);
      await ends(filter);
      assert.ok(!existsSync(stack.paths.root));
      assert.ok(!existsSync(stack.paths.control));
      const server = createServer().listen(port, "127.0.0.1");
      await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
      await new Promise((resolve) => server.close(resolve));
      assert.deepEqual(
        await stack.engine.resources().then((all) => all.filter(({ type }) => type.startsWith("command"))),
        [],
      );
    });
  });
});
