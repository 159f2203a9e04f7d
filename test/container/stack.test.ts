import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { containerFleet } from "../../cli/container/fleet.ts";
import { copyFrom, copyTo } from "../../cli/copy.ts";
import type { Transport } from "../../cli/transport.ts";
import { findEngine } from "../../infra/container/engine.ts";
import { FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerStep } from "../../infra/container/steps/container.ts";
import { imageStep } from "../../infra/container/steps/image.ts";

/** The steps of a container stack, and the operator's way into its container. Pulumi's part is not in it. */
describe("a container that stays", function () {
  this.timeout(900_000);
  const name = `cloister-test-${process.pid}`;
  const uid = process.getuid?.() === 0 ? 1000 : (process.getuid?.() ?? 1000);
  let base: string;
  let transport: Transport;
  let input: Parameters<typeof containerStep.create>[0];

  before(async () => {
    const { program } = await findEngine();
    const { image, id } = await imageStep.create({ engine: program, base: FROM_PACKAGES, sources: "" });
    base = await mkdtemp(join(tmpdir(), "cloister-stack-"));
    await mkdir(join(base, "work"));
    if (process.getuid?.() === 0) await chown(join(base, "work"), uid, uid);
    const folders = [{ name: "work", path: join(base, "work"), mode: "rwd" }] as const;
    input = { name, engine: program, image, id, memoryMiB: 4096, cpus: 2, folders };
    const { verification } = await containerStep.create(input);
    assert.ok(verification.ok && verification.kept > 20);
    const outputs = { target: "container", engine: program, image, container: name, verification } as const;
    const fleet = containerFleet("test", outputs);
    const [machine] = await fleet.machines();
    assert.equal(machine?.state, "running");
    transport = await fleet.connect(machine);
  });
  after(async () => {
    await containerStep.remove(input);
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
});
