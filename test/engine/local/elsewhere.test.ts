import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { livingProcess } from "../../../infra/local/host/living.ts";
import { testToolchain } from "../../../rehearsal/engine.ts";
import { ownStateFile } from "../../../toolchain/own-backend.ts";
import { Clone } from "../../support/local/clone.ts";
import { ends } from "../../support/processes.ts";

const succeeds = async (run: Promise<{ exitCode?: number | undefined; all?: unknown }>): Promise<string> => {
  const { exitCode, all } = await run;
  assert.equal(exitCode, 0, String(all));
  return String(all);
};

/** A project that is not where it was, and environments that are meant for other stacks. QEMU and images are stand-ins. */
describe("a local stack, elsewhere", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let clone: Clone;
  const machine = () => livingProcess(clone.paths) ?? assert.fail("no machine runs");

  beforeEach(async () => {
    clone = await Clone.create();
  });
  afterEach(async () => {
    await clone.dispose();
  });

  it("goes on with its machine when the project was moved, and is taken down from there", async () => {
    const told = await succeeds(clone.start());
    assert.equal(told.match(/machine started: process/g)?.length, 1, "it is told once");
    const { pid } = machine();
    await clone.move("moved");
    assert.match(await succeeds(clone.cloister("-s", "local", "ls")), /running/);
    assert.match(await succeeds(clone.start()), /Nothing was changed/);
    assert.equal(machine().pid, pid);
    // A copy has no machine: it is the original's.
    await cp(join(clone.project, ".cloister"), join(clone.stack.folder, "copy", ".cloister"), { recursive: true });
    const copy = new Clone(clone.stack);
    copy.project = join(clone.stack.folder, "copy");
    assert.equal(livingProcess(copy.paths), undefined);
    await succeeds(clone.down());
    await ends(pid);
    assert.ok(!existsSync(join(clone.project, ".cloister")));
  });

  it("is taken down when its state names a folder that is gone, as earlier versions wrote it", async () => {
    await succeeds(clone.start());
    const { pid } = machine();
    await asEarlierVersion(clone);
    await clone.move("moved");
    await succeeds(clone.start());
    assert.notEqual(
      await readFile(ownStateFile("local", clone.project), "utf8").then((text) => /"dir"/.test(text)),
      true,
    );
    const next = machine().pid;
    await succeeds(clone.down());
    for (const one of [pid, next]) await ends(one);
  });

  it("is taken down when Pulumi cannot destroy it", async () => {
    await succeeds(clone.start());
    const { pid } = machine();
    const file = ownStateFile("local", clone.project);
    const state = await readFile(file, "utf8");
    await writeFile(file, state.replaceAll(/"delete": *"[^"]*(?:\\"[^"]*)*"/g, '"delete": "exit 3"'));
    const all = await succeeds(clone.down());
    assert.match(all, /Pulumi could not destroy it/);
    await ends(pid);
    assert.ok(!existsSync(join(clone.project, ".cloister")));
  });

  it("is in its own backend, whatever the environment and a login say", async () => {
    const home = join(clone.stack.folder, "pulumi-home");
    await mkdir(home);
    await writeFile(join(home, "credentials.json"), JSON.stringify({ current: "https://api.example.invalid" }));
    const passphrase = join(clone.stack.folder, "passphrase");
    await writeFile(passphrase, "of staging");
    // The Pulumi that was built is found as by one who has none on PATH.
    const { binDir } = await testToolchain();
    const withoutPulumi = (clone.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== binDir);
    const { PULUMI_HOME: _home, PULUMI_CREDENTIALS_PATH: _credentials, ...rest } = clone.env;
    const plain = { ...rest, PATH: withoutPulumi.join(delimiter) };
    const environments: Record<string, string>[] = [
      {
        PULUMI_BACKEND_URL: "s3://not-there",
        PULUMI_CONFIG_PASSPHRASE: "of staging",
        PULUMI_ACCESS_TOKEN: "a",
        PULUMI_STACK: "staging",
      },
      { PULUMI_CONFIG_PASSPHRASE_FILE: passphrase, PULUMI_HOME: home },
    ];
    for (const env of environments) {
      clone.env = { ...plain, ...env };
      await succeeds(clone.start());
      const { pid } = machine();
      assert.match(await succeeds(clone.cloister("-s", "local", "ls")), /running/);
      assert.match(await succeeds(clone.pulumi("stack", "output", "target", "-s", "local")), /local/);
      await succeeds(clone.down());
      await ends(pid);
    }
    // The control: for any other stack they are what Pulumi goes by.
    clone.env = { ...plain, ...environments[0] };
    const { exitCode, all } = await clone.pulumi("stack", "ls", "--non-interactive");
    assert.notEqual(exitCode, 0);
    assert.match(String(all), /S3: GetObject/);
  });

  it("has a way down for a second stack", async () => {
    await writeFile(
      join(clone.project, "Pulumi.mine.yaml"),
      await readFile(join(clone.project, "Pulumi.local.yaml"), "utf8"),
    );
    await succeeds(clone.pulumi("stack", "init", "mine"));
    await succeeds(clone.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--stack", "mine"));
    const pathsOfMine = {
      ...clone.paths,
      ...(await import("../../../infra/local/paths.ts")).pathsOf(clone.project, "mine"),
    };
    const pid = livingProcess(pathsOfMine)?.pid ?? assert.fail("no machine runs");
    await succeeds(clone.down("--stack", "mine"));
    await ends(pid);
    assert.ok(existsSync(join(clone.project, "Pulumi.mine.yaml")), "its configuration stays");
    const missing = await clone.down("--stack", "nobodys");
    assert.notEqual(missing.exitCode, 0);
    assert.match(String(missing.all), /there is no stack nobodys/);
  });
});

/** Makes of a stack's state and of its machine's what an earlier version would have written. */
async function asEarlierVersion(clone: Clone): Promise<void> {
  const file = ownStateFile("local", clone.project);
  const state = JSON.parse(await readFile(file, "utf8")) as {
    checkpoint: { latest: { resources: { type: string; inputs: Record<string, unknown>; outputs: object }[] } };
  };
  const { root } = clone.paths;
  for (const resource of state.checkpoint.latest.resources) {
    if (resource.type === "command:local:Command") {
      for (const part of [resource.inputs, resource.outputs] as Record<string, unknown>[]) {
        const environment = part["environment"] as { CLOISTER_STEP_INPUT: string };
        environment.CLOISTER_STEP_INPUT = environment.CLOISTER_STEP_INPUT.replace(
          '".cloister/local"',
          JSON.stringify(root),
        );
        part["dir"] = clone.project;
      }
    }
    if (resource.type === "cloister:local:PowerState") Object.assign(resource, { inputs: { root }, outputs: { root } });
  }
  await writeFile(file, JSON.stringify(state));
  const {
    root: _root,
    control: _control,
    ...started
  } = JSON.parse(await readFile(clone.paths.process, "utf8")) as Record<string, unknown>;
  await writeFile(clone.paths.process, JSON.stringify(started));
}
