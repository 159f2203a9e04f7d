import assert from "node:assert/strict";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { removeArguments } from "../../../../infra/container/engine.ts";

const ROOT = join(import.meta.dirname, "../../../..");

describe("taking a container down", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-stop-"));
    // An engine that needs a second to remove something.
    await writeFile(
      join(folder, "podman"),
      `#!/bin/sh\ncd ${folder}\ncase $1 in run) touch begun; exec sleep 60 ;; rm) touch removing; sleep 1; touch removed ;; esac\n`,
      { mode: 0o755 },
    );
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const there = (name: string) =>
    access(join(folder, name)).then(
      () => true,
      () => false,
    );
  const until = async (name: string) => {
    for (let i = 0; !(await there(name)); i++) {
      assert.ok(i < 600, `${name} is not there`);
      await sleep(50);
    }
  };

  /** Stops a run with Ctrl-C, and presses it again during the take-down, as a cancelled job's runner does. */
  async function stopTwice(takeDown: string) {
    const [engine, stop] = ["engine", "stop"].map((name) => join(ROOT, `infra/container/${name}.ts`));
    const script = `import * as made from ${JSON.stringify(engine)}; import { stopOnSignals } from ${JSON.stringify(stop)};
      stopOnSignals();
      const host = { program: "podman", version: "4.3.1", env: {} };
      await made.engine(host, ["run"], { reject: false }).catch(() => made.${takeDown}(host, ["rm"]));
      process.exit(7);`;
    const running = execa(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      detached: true,
      cwd: ROOT,
      reject: false,
      env: { PATH: `${folder}:${process.env["PATH"]}` },
    });
    const press = (signal: NodeJS.Signals) => process.kill(-(running.pid ?? assert.fail()), signal);
    await until("begun");
    press("SIGINT");
    await until("removing");
    press("SIGTERM");
    press("SIGINT");
    const { exitCode } = await running;
    await sleep(1500);
    return { exitCode, removed: await there("removed") };
  }

  it("goes on to its end, whatever signals come meanwhile", async () => {
    assert.deepEqual(await stopTwice("takeDown"), { exitCode: 7, removed: true });
  }).timeout(60_000);

  it("would end half done without: the control", async () => {
    assert.deepEqual(await stopTwice("startEngine"), { exitCode: 130, removed: false });
  }).timeout(60_000);

  it("waits for no container, in words that the engine knows", () => {
    const words = (program: "podman" | "docker", version: string) =>
      removeArguments({ program, version }, ["x"]).join(" ");
    assert.equal(words("podman", "4.3.1"), "rm --force --time=0 --volumes x");
    assert.equal(words("podman", "3.4.4"), "rm --force --volumes x");
    assert.equal(words("docker", "27.1.1"), "rm --force --volumes x");
  });
});
