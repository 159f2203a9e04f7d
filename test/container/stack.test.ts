import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { containerFleet } from "../../cli/container/fleet.ts";
import type { Transport } from "../../cli/transport.ts";
import { findEngine } from "../../infra/container/engine.ts";
import { FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerStep } from "../../infra/container/steps/container.ts";
import { imageStep } from "../../infra/container/steps/image.ts";

/** The steps of a container stack, and the operator's way into its container. Pulumi's part is not in it. */
describe("a container that stays", function () {
  this.timeout(900_000);
  const name = `cloister-test-${process.pid}`;
  let transport: Transport;
  let input: Parameters<typeof containerStep.create>[0];

  before(async () => {
    const { program } = await findEngine();
    const { image, id } = await imageStep.create({ engine: program, base: FROM_PACKAGES, sources: "" });
    input = { name, engine: program, image, id, memoryMiB: 4096, cpus: 2, folders: [] };
    const { verification } = await containerStep.create(input);
    assert.ok(verification.ok && verification.kept > 20);
    const outputs = { target: "container", engine: program, image, container: name, verification } as const;
    const fleet = containerFleet("test", outputs);
    const [machine] = await fleet.machines();
    assert.equal(machine?.state, "running");
    transport = await fleet.connect(machine);
  });
  after(() => containerStep.remove(input));

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
});
