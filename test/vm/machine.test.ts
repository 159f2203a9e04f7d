import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { firstSession } from "../../cli/start/first-session.ts";
import { type Report, Report as ReportSchema } from "../../contract/report.ts";
import { printReport } from "../../guest/verify/table.ts";
import { endConnection, sharedConnection } from "../../infra/local/connection.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { qmp } from "../../infra/local/host/qmp.ts";
import { type Paths, pathsOf } from "../../infra/local/paths.ts";
import { hostArchitecture } from "../../infra/local/qemu.ts";
import { shellQuoted, sshArguments } from "../../infra/local/ssh.ts";
import { EngineProject } from "../../rehearsal/engine.ts";
import { copyProject } from "../../rehearsal/project-copy.ts";
import { PROGRAMS, VERSIONS, VERSIONS_FILE, versionsOf } from "../brackets/versions.ts";
import { escapeCases } from "../escape/cases.ts";
import { scaleOf } from "../escape/support/machine.ts";
import { operatorHere } from "../escape/support/operator-here.ts";
import { sshMachine } from "../escape/support/ssh-machine.ts";
import { wallCases } from "../support/machine-walls.ts";
import { operatorCases, operatorOf } from "../support/operator/cases.ts";
import { ends } from "../support/processes.ts";

const architecture = process.env["CLOISTER_TEST_ARCHITECTURE"] ?? hostArchitecture();
/** An emulated machine of another architecture takes about three times as long. */
const slowness = architecture === hostArchitecture() ? 1 : 4;

/** The base image of a run of `npm run test:brackets`; otherwise the one that is chosen here. */
const baseImage = process.env["CLOISTER_TEST_BASE_IMAGE"];

/** One real machine: the real engine, QEMU, firmware, base image, cloud-init, runtime image, agent. Nothing stands in. */
describe(`a real ${architecture} machine${baseImage ? ` of ${baseImage}` : ""}`, function () {
  this.timeout(900_000 * slowness);
  // Shows what takes more than 4 s.
  this.slow(8_000 * slowness);
  // What follows needs the machine that came before it. On an older userland all that differs is of interest.
  this.bail(baseImage === undefined);
  let folder: string;
  let engine: EngineProject;
  let paths: Paths;
  /** Services of this computer, on all of its addresses: the machine may reach the second. */
  let services: { forbidden: Listener; configured: Listener };

  before(async () => {
    services = { forbidden: await Listener.create("forbidden"), configured: await Listener.create("configured") };
    folder = await mkdtemp(join(tmpdir(), "cloister-vm-"));
    const project = join(folder, "project");
    await copyProject(project);
    engine = await EngineProject.create({
      folder: project,
      config: {
        "cloister:architecture": architecture,
        "cloister:hostAccess": [`localhost:${services.configured.port}`],
        ...(baseImage ? { "cloister:baseImage": baseImage } : {}),
      },
    });
    paths = pathsOf(project, engine.stack);
  });
  after(async () => {
    await engine.destroy();
    const left = livingProcess(paths);
    if (left) process.kill(left.pid, "SIGKILL");
    await engine.dispose();
    for (const service of Object.values(services)) service.close();
    await rm(folder, { recursive: true, force: true });
    assert.equal(left, undefined, "the machine is gone after destroy");
    assert.ok(!existsSync(paths.connection), "and so is the connection to it");
  });

  const port = (): number => livingProcess(paths)?.sshPort ?? assert.fail("the machine does not run");
  /** Runs a command on the machine, as root. */
  const onMachine = async (...command: string[]) =>
    // As the operator's command does: an emulated machine takes seconds for the handshakes of a connection.
    await execa(
      "ssh",
      [...sharedConnection(paths), ...sshArguments(paths, port()), ["sudo", ...command].map(shellQuoted).join(" ")],
      { reject: false, stdin: "ignore" },
    );
  const up = async (): Promise<void> => {
    const { exitCode, all } = await engine.up();
    console.log(all.replace(/^/gm, "      "));
    assert.equal(exitCode, 0);
  };
  const sealed = async (...args: string[]) => await onMachine("cloister", "run", ...args);

  it("comes up verified", async () => {
    await up();
    const report = ReportSchema.parse(JSON.parse(await readFile(paths.verification, "utf8")));
    console.log(printReport(report).replace(/^/gm, "      "));
    assert.ok(report.ok);
    // Its sessions share the processors evenly.
    assert.doesNotMatch(report.notices?.join() ?? "", /shares of the processors/);
  });

  it("tells the versions of its system", async function () {
    const file = process.env[VERSIONS_FILE];
    if (file === undefined) return this.skip();
    const { stdout, stderr } = await onMachine("sh", "-c", VERSIONS);
    const versions = versionsOf(stdout);
    assert.deepEqual(Object.keys(versions), PROGRAMS, stderr);
    await writeFile(file, JSON.stringify(versions));
  });

  it("knows all that its units say", async function () {
    if (baseImage === undefined) return this.skip();
    const units =
      "/run/systemd/system/cloister*.service /run/systemd/system/*.slice /etc/systemd/system/cloister-boot.service";
    const complaints = async (files: string) => {
      const { stdout, stderr } = await onMachine("sh", "-c", `systemd-analyze verify ${files} 2>&1`);
      return `${stdout}${stderr}`.split("\n").filter((line) => /unknown|failed to parse|invalid/i.test(line));
    };
    assert.deepEqual(await complaints(units), []);
    const unknown = "printf '[Service]\\nExecStart=/bin/true\\nNoSuch=yes\\n' > /run/no-such.service";
    await onMachine("sh", "-c", unknown);
    assert.match(
      (await complaints("/run/no-such.service")).join(),
      /Unknown (key|key name|lvalue) 'NoSuch'/,
      "the control",
    );
  });

  it("keeps every promise of the reference that its target allows, by the full verification", async () => {
    const { stdout, stderr, exitCode } = await operatorOf(() => engine).cloister(["verify", "--json"]);
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    const report: Report = ReportSchema.parse(JSON.parse(stdout.toString()));
    const rows = new Map(report.rows.map((row) => [row.id, row]));
    const differing = report.rows.filter(({ status }) => status === "differs").map(({ id }) => id);
    // The stand-in is no Ubuntu: that is reported, and not hidden.
    const standIn = !report.image.startsWith("Ubuntu");
    // Emulated timers have another frequency than the reference's: parity only.
    const timer = architecture === "arm64" ? ["M7"] : [];
    assert.deepEqual(
      differing.filter((id) => !timer.includes(id)),
      standIn ? ["O1", "O2"] : [],
    );
    for (const id of [
      "M2",
      "M4",
      "M6",
      "D1",
      "D2",
      "D3",
      "O3",
      "O4",
      "S2",
      "S4",
      "S6",
      "S7",
      "S8",
      "E1",
      "E3",
      "E4",
      "N3",
      "A1",
    ]) {
      assert.equal(rows.get(id)?.status, "ok", `${id}: ${JSON.stringify(rows.get(id))}`);
    }
    if (architecture === "arm64") {
      for (const id of ["M1", "M3"]) assert.equal(rows.get(id)?.status, "ok", JSON.stringify(rows.get(id)));
    }
  });

  it("runs a sealed command and hands its exit code on", async () => {
    const result = await sealed("--", "bash", "-c", "id -un; pwd; exit 7");
    assert.equal(result.exitCode, 7, result.stderr);
    const [user, home] = result.stdout.split("\n");
    assert.match(user ?? "", /^[a-z]+-[a-z]+-[a-z]+$/);
    assert.equal(home, `/sessions/${user}`);
  });

  it("reaches nothing of its host but what is configured, as root", async () => {
    const { forbidden, configured } = services;
    /** The answer that root in the machine gets from an address and port; nothing when it is not reached. */
    const heard = async (address: string, port: number): Promise<string> => {
      const dial = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
      const { stdout, exitCode } = await onMachine("timeout", "10", "bash", "-c", dial);
      assert.notEqual(exitCode, 255, "the machine is reached by ssh");
      return stdout;
    };
    const own = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
    );
    for (const address of ["127.0.0.1", ...own]) assert.equal(await forbidden.heardFrom(address), "forbidden", address);
    const before = forbidden.connections;
    assert.equal(await heard("10.0.2.2", configured.port), "configured");
    const tried = [
      ...["10.0.2.2", "10.0.2.3", "fec0::2", ...own].map((address) => [address, forbidden.port] as const),
      // Configured is its loopback alone.
      ...own.map((address) => [address, configured.port] as const),
    ];
    // At once: what is dropped says nothing for as long as one waits.
    await Promise.all(tried.map(async ([address, port]) => assert.equal(await heard(address, port), "", address)));
    assert.equal(await heard("10.0.2.2", configured.port), "configured", "the control at the end");
    assert.equal(forbidden.connections, before);
  });

  it("runs no session without its packet filter, after a failed boot, or unverified; and runs them when all is well", async () => {
    const run = async () => (await sealed("--json", "--", "true")).exitCode;
    const told = async () => {
      const { exitCode, stderr } = await sealed("--", "true");
      assert.notEqual(exitCode, 0);
      return stderr;
    };
    await onMachine("mv", "/run/cloister/wall", "/run/cloister/wall-away");
    assert.match(await told(), /this machine is not ready: its packet filter is not loaded/);
    await onMachine("mv", "/run/cloister/wall-away", "/run/cloister/wall");
    await onMachine("sh", "-c", "echo no session disk > /run/cloister/failure");
    assert.match(await told(), /this machine is not ready: no session disk/);
    await onMachine("rm", "/run/cloister/failure");
    await onMachine("mv", "/run/cloister/verification.json", "/run/cloister/away.json");
    assert.match(await told(), /this machine is not ready: its verification is not over/);
    await onMachine("sh", "-c", "echo '{\"ok\":false}' > /run/cloister/verification.json");
    assert.match(await told(), /this machine is not ready: its verification failed/);
    // What the operator is told to do, does.
    await onMachine("systemctl", "restart", "cloister-verify");
    assert.equal(await run(), 0);
    await onMachine("mv", "/run/cloister/away.json", "/run/cloister/verification.json");
    // A verification that did not finish is forgotten once one has.
    await onMachine(
      "sh",
      "-c",
      "echo 'CLOISTER_E_VERIFICATION_UNFINISHED: the verification did not finish (timeout)' > /run/cloister/failure",
    );
    const asked = await onMachine("cloister", "report");
    assert.match(JSON.parse(asked.stdout).notReady, /did not finish/);
    assert.equal(asked.exitCode, 1);
    await onMachine("systemctl", "restart", "cloister-verify");
    assert.equal(await run(), 0);
    const now = await onMachine("cloister", "report");
    assert.deepEqual([now.exitCode, JSON.parse(now.stdout).notReady], [0, undefined]);
  });

  it("has a journal that drops no rows", async () => {
    const settings = await onMachine("systemd-analyze", "cat-config", "systemd/journald.conf");
    assert.match(settings.stdout, /^RateLimitIntervalSec=0$/m);
    // More than the limit that it would have in the time of one (10,000 rows, times what the disk's free space allows).
    const mark = `flood-${process.pid}`;
    const rows = 60_000;
    await onMachine("sh", "-c", `seq ${rows} | systemd-cat -t ${mark}`);
    await onMachine("journalctl", "--sync");
    const { stdout } = await onMachine("sh", "-c", `journalctl -t ${mark} -o cat | sort -u | wc -l`);
    assert.equal(Number(stdout), rows);
  });

  it("lets the real agent read, run a command and write in a sealed session", async () => {
    const session = await firstSession(paths, port(), {
      again: true,
      apiKey: undefined,
      report: (line) => console.log(`      ${line}`),
    });
    assert.match(session.answer, /First line: A machine for an agent to work in/);
    assert.match(session.answer, /Words: 38/);
    assert.equal(session.model, "demo");
  });

  wallCases({ onMachine });

  operatorCases({ engine: () => engine, onMachine });

  escapeCases({
    // Every wall, without the checks that take long: `npm run test:escape` has all of them.
    whole: baseImage ? ["work"] : [],
    machine: () => {
      const emulated = livingProcess(paths)?.accelerator === "tcg";
      const foreign = architecture !== hostArchitecture();
      return sshMachine({
        paths,
        port,
        scale: scaleOf(emulated, Number(process.env["CLOISTER_TEST_SEED"] ?? 1), foreign),
        operator: operatorHere(engine.folder, engine.stack, engine.env),
      });
    },
  });

  it("sets its clock soon after it stood still, as it does when its computer sleeps", async () => {
    // By the time of the question: how long the answer takes plays no part.
    const behind = async () => {
      const asked = Math.floor(Date.now() / 1000);
      return asked - Number((await onMachine("date", "+%s")).stdout);
    };
    const { control } = livingProcess(paths)?.names ?? assert.fail("the machine does not run");
    await qmp(control, "stop");
    await sleep(20_000);
    await qmp(control, "cont");
    const { stdout } = await onMachine(
      "sh",
      "-c",
      "until journalctl -q -u cloister-clock -o cat | grep 'the clock was'; do sleep 1; done",
    );
    assert.match(stdout, /^the clock was \d+ s behind, and is set$/m);
    assert.ok((await behind()) < 15);
  }).timeout(240_000 * slowness);

  it("has nothing to change afterwards", async () => {
    const { exitCode, all } = await engine.preview("--expect-no-changes");
    assert.equal(exitCode, 0, all);
  });

  it("is brought back after it was killed, with its session data, also when the session disk is full", async () => {
    await onMachine("sh", "-c", "echo kept > /sessions/folders/kept.txt; sync");
    const homes = async () =>
      (await onMachine("ls", "/sessions")).stdout.split("\n").filter((name) => /^[a-z-]+$/.test(name));
    const before = await homes();
    // Two sessions that the crash ends: one that has a name is kept, one without goes.
    const cut = [["--name", "cut-kept"], []].map((name) => onMachine("cloister", "run", ...name, "--", "sleep", "900"));
    const begun = async () => (await homes()).filter((name) => !before.includes(name));
    for (let tries = 0; (await begun()).length < 2; tries++) {
      assert.ok(tries < 60, "the sessions did not start");
      await sleep(500);
    }
    await onMachine("sync");
    const rows = (await onMachine("cloister", "audit")).stdout;
    assert.match(rows, /"verdict":"denied"/);
    await onMachine(
      "sh",
      "-c",
      "fallocate -l 20G /sessions/folders/full || dd if=/dev/zero of=/sessions/folders/full bs=1M; sync",
    );
    const { stdout: full } = await onMachine("df", "--output=pcent", "/sessions");
    assert.match(full, /100%/);
    const { pid } = livingProcess(paths) ?? assert.fail("the machine does not run");
    process.kill(pid, "SIGKILL");
    // It would notice only after a minute and a half.
    await endConnection(paths);
    await Promise.allSettled(cut);
    await sleep(500);
    const refreshed = await engine.refresh();
    assert.match(refreshed.all, /- 1 deleted/);
    await up();
    assert.match(await readFile(paths.console, "utf8"), /cloister: .*full/i);
    const { notices } = ReportSchema.parse(JSON.parse(await readFile(paths.verification, "utf8")));
    assert.match(notices?.join("\n") ?? "", /the session disk is full/);
    assert.equal((await onMachine("cat", "/sessions/folders/kept.txt")).stdout, "kept");
    for (let tries = 0; (await begun()).length > 1; tries++) {
      assert.ok(tries < 60, "the home of a session that the crash ended is still there");
      await sleep(500);
    }
    assert.deepEqual(await begun(), ["cut-kept"]);
    // A full disk: the audit log is as it was, and goes on.
    const now = (await onMachine("cloister", "audit")).stdout;
    assert.ok(now.startsWith(rows.slice(0, rows.indexOf("\n"))), "the oldest row is still there");
    assert.ok(now.split("\n").length > rows.split("\n").length, "the verification's rows were added");
  });

  it("leaves nothing when it is destroyed", async () => {
    const { pid } = livingProcess(paths) ?? assert.fail("the machine does not run");
    const { exitCode, all } = await engine.destroy();
    assert.equal(exitCode, 0, all);
    // By its power button, so that its disks are left clean.
    assert.match(all, /the machine shut down/);
    assert.ok(!existsSync(paths.root));
    await ends(pid);
  });
});

/** A TCP service that says one word, on all addresses of this computer. */
class Listener {
  readonly #server: Server;
  /** How often it was reached. */
  connections = 0;

  private constructor(word: string) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      socket.on("error", () => {}).end(word);
    });
  }

  static async create(word: string): Promise<Listener> {
    const made = new Listener(word);
    await new Promise<void>((resolve) => made.#server.listen(0, "::", resolve));
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The answer to a connection from this computer. */
  async heardFrom(address: string): Promise<string> {
    return await text(connect(this.port, address));
  }

  close(): void {
    this.#server.close();
  }
}
