import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { execa } from "execa";
import { containerFleet } from "../../cli/container/fleet.ts";
import { copyFrom, copyTo } from "../../cli/copy.ts";
import type { Transport } from "../../cli/transport.ts";
import { OperatorOutputs } from "../../contract/outputs.ts";
import { engine, findEngine } from "../../infra/container/engine.ts";
import { EngineProject } from "../../rehearsal/engine.ts";
import { copyProject } from "../../rehearsal/project-copy.ts";

/** A container stack from `pulumi up` to `destroy`, with the real Pulumi and the real engine, and the operator's command. */
describe("a container that stays", function () {
  this.timeout(900_000);
  const uid = process.getuid?.() === 0 ? 1000 : (process.getuid?.() ?? 1000);
  // Its container has the stack's name, and another run of this test may have one.
  const stack = `test-${process.pid}`;
  let base: string;
  let project: EngineProject;
  let transport: Transport;

  before(async () => {
    const { program } = await findEngine();
    base = await mkdtemp(join(tmpdir(), "cloister-stack-"));
    await mkdir(join(base, "work"));
    if (process.getuid?.() === 0) await chown(join(base, "work"), uid, uid);
    await copyProject(join(base, "project"), ["container"]);
    project = await EngineProject.create({
      folder: join(base, "project"),
      stack,
      config: {
        "cloister:target": "container",
        "cloister:engine": program,
        "cloister:containerBase": "packages",
        "cloister:folders": { work: { path: join(base, "work"), mode: "rwd" } },
      },
    });
    const { exitCode, all } = await project.up();
    assert.equal(exitCode, 0, all);
    const outputs = OperatorOutputs.parse(await project.outputs());
    assert.ok(outputs.target === "container" && outputs.verification?.ok && outputs.verification.kept > 20);
    const fleet = containerFleet(stack, outputs);
    const [machine] = await fleet.machines();
    assert.equal(machine?.state, "running");
    transport = await fleet.connect(machine);
  });
  after(async () => {
    await project?.destroy();
    await project?.dispose();
    await rm(base, { recursive: true, force: true });
  });

  async function run(words: readonly string[], during: (said: string) => void = () => {}) {
    let said = "";
    const keep = new Writable({
      write(data: Buffer, _encoding, done) {
        said += data.toString();
        during(said);
        done();
      },
    });
    const exitCode = await transport.exec(["cloister", "run", "--env=A", "--", ...words], {
      environment: { CLOISTER_ENV_A: "a value" },
      stdout: keep,
      stderr: keep,
      signals: true,
    });
    return { exitCode, said };
  }

  const cloister = async (...words: string[]) =>
    await execa("node", ["cli/bin.mjs", "--stack", stack, ...words], {
      cwd: project.folder,
      env: project.env,
      reject: false,
      stdin: "ignore",
    });

  it("is reached and verified by the operator's command", async () => {
    const mount = ["--mount", "/folders/work:work:rwd"];
    const ran = await cloister("run", ...mount, "--", "bash", "-c", "echo made > mnt/work/by-run; exit 9");
    assert.equal(ran.exitCode, 9, ran.stderr);
    assert.equal(await readFile(join(base, "work/by-run"), "utf8"), "made\n");
    const verified = await cloister("verify");
    assert.equal(verified.exitCode, 0, verified.stderr);
  });

  it("runs commands in sealed sessions, and passes values and exit codes on", async () => {
    const { exitCode, said } = await run(["bash", "-c", "echo $A; exit 9"]);
    assert.deepEqual([exitCode, said], [9, "a value\n"]);
  });

  it("ends what a signal stops, and nothing of it goes on", async () => {
    let told = false;
    const { exitCode } = await run(["bash", "-c", "echo begun; exec sleep 987"], (said) => {
      if (told || !said.includes("begun")) return;
      told = true;
      process.kill(process.pid, "SIGHUP");
    });
    assert.equal(exitCode, 129);
    let processes = "";
    const keep = new Writable({
      write(data: Buffer, _encoding, done) {
        processes += data.toString();
        done();
      },
    });
    await transport.exec(["ps", "axo", "args"], { stdout: keep, stderr: keep });
    assert.match(processes, /cloister wait/, "the control: processes are seen");
    assert.doesNotMatch(processes, /sleep 987/);
  });

  it("copies files in both directions, through no link of a session's, and without set-id bits", async () => {
    const options = { user: "operator" } as const;
    const work = join(base, "work");
    await writeFile(join(base, "given"), "given\n");
    await chmod(join(base, "given"), 0o6755);
    await copyTo(transport, join(base, "given"), "/folders/work/", options);
    const arrived = await stat(join(work, "given"));
    assert.deepEqual([arrived.mode & 0o7777, arrived.uid], [0o755, uid]);
    await copyFrom(transport, "/folders/work/given", join(base, "back"), options);
    assert.equal(await readFile(join(base, "back"), "utf8"), "given\n");
    // As a session could leave them: the places where they lead are in the container.
    await symlink("/sessions", join(work, "folder"));
    await symlink("/etc/passwd", join(work, "file"));
    for (const to of ["/folders/work/folder/x", "/folders/work/folder", "/folders/work/file"]) {
      await assert.rejects(copyTo(transport, join(base, "given"), to, options), /is a link/, to);
    }
    await assert.rejects(copyFrom(transport, "/folders/work/file", join(base, "stolen"), options), /is a link/);
  });

  it("stays as it is when nothing has changed, and goes with the stack", async () => {
    const again = await project.up("--expect-no-changes");
    assert.equal(again.exitCode, 0, again.all);
    const host = await findEngine();
    const there = async () => {
      const asked = await engine(host, ["container", "inspect", `cloister-${stack}`], {
        reject: false,
        stdin: "ignore",
      });
      return !asked.failed;
    };
    assert.ok(await there(), "the control");
    const gone = await project.destroy();
    assert.equal(gone.exitCode, 0, gone.all);
    assert.ok(!(await there()));
  });
});
