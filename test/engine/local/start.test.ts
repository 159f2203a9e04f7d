import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { livingFilter, livingProcess } from "../../../infra/local/host/living.ts";
import { pathsOf } from "../../../infra/local/paths.ts";
import { LocalStack } from "../../support/local/stack.ts";

/** `npm start` and `npm run down` in a clone of their own; QEMU, ssh and images are stand-ins, the engine is the real one. */
class Clone {
  readonly stack: LocalStack;
  readonly project: string;
  private readonly env: Record<string, string>;

  constructor(stack: LocalStack) {
    this.stack = stack;
    this.project = join(stack.folder, "project");
    const { PULUMI_BACKEND_URL: _backend, PULUMI_CONFIG_PASSPHRASE: _passphrase, ...env } = stack.engine.env;
    this.env = env;
  }

  start() {
    return this.run("lib/run-bundled.cjs", "cli/start/main.ts", "--no-session");
  }

  down() {
    return this.run("--import", "tsx", "cli/start/down.ts");
  }

  get paths() {
    return pathsOf(this.project, "local");
  }

  /** Machines of this clone, found without its help. */
  machines(): string[] {
    return execaSync("ps", ["-eo", "pid=,stat=,command="])
      .stdout.split("\n")
      .filter((line) => line.includes(this.paths.marker) && !/^\s*\d+ Z|cloister-guard/.test(line));
  }

  private run(...args: string[]) {
    // With a descriptor that is nobody's but the caller's, and in a group of its own, so that a test can kill all of it.
    return execa("bash", ["-c", 'exec 250</etc/hosts; exec node "$@"', "bash", ...args], {
      cwd: this.project,
      env: this.env,
      all: true,
      reject: false,
      detached: true,
      stdin: "ignore",
    });
  }
}

describe("npm start", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let one: Clone;
  let other: Clone;

  before(async () => {
    const config = { "cloister:accelerator": "tcg", "cloister:memoryMiB": "2048" };
    [one, other] = (await Promise.all(
      [0, 1].map(async () => {
        const stack = await LocalStack.create();
        await stack.engine.write("Pulumi.local.yaml", {
          encryptionsalt: /encryptionsalt: (.*)/.exec(await stack.engine.read("Pulumi.local.yaml"))?.[1] ?? "",
          config,
        });
        return new Clone(stack);
      }),
    )) as [Clone, Clone];
  });
  after(async () => {
    for (const clone of [one, other]) {
      await clone.down();
      await clone.stack.dispose();
    }
  });

  it("works in two clones at once, each with its own machine", async () => {
    const runs = await Promise.all([one.start(), other.start()]);
    for (const { exitCode, all } of runs) assert.equal(exitCode, 0, all);
    assert.match(runs[0].all, /the machine is up and verified/);
    assert.equal(one.machines().length, 1);
    assert.equal(other.machines().length, 1);
    assert.notEqual(livingProcess(one.paths)?.sshPort, livingProcess(other.paths)?.sshPort);
  });

  it("leaves the machine nothing open that its caller had open", async function () {
    if (process.platform !== "linux") this.skip();
    for (const pid of [livingProcess(one.paths)?.pid, livingFilter(one.paths)]) {
      const list = execaSync("ls", ["-l", `/proc/${pid ?? assert.fail("it does not run")}/fd`]).stdout;
      assert.match(list, /socket:/, "the control: it is the list of what it has open");
      assert.doesNotMatch(list, /\/etc\/hosts/);
    }
  });

  it("changes nothing the second time, and says so", async () => {
    const before = livingProcess(one.paths)?.pid;
    const { exitCode, all } = await one.start();
    assert.equal(exitCode, 0, all);
    assert.match(all, /Nothing was changed after \d+ s/);
    assert.equal(livingProcess(one.paths)?.pid, before);
  });

  it("takes its own clone down and leaves the other alone", async () => {
    const { exitCode, all } = await one.down();
    assert.equal(exitCode, 0, all);
    assert.deepEqual(one.machines(), []);
    assert.ok(!existsSync(join(one.project, ".cloister")));
    assert.equal(other.machines().length, 1);
  });

  for (const [what, reached] of [
    ["at once", () => true],
    ["when the first resource is made", () => existsSync(one.paths.root)],
    ["when the machine runs", () => livingProcess(one.paths) !== undefined],
  ] as const) {
    it(`converges after it was killed outright ${what}`, async () => {
      const killed = one.start();
      do {
        await sleep(50);
        assert.equal(killed.exitCode, null, "it did not end before it was killed");
      } while (!reached());
      process.kill(-(killed.pid ?? 0), "SIGKILL");
      await killed;
      const { exitCode, all } = await one.start();
      assert.equal(exitCode, 0, all);
      assert.equal(one.machines().length, 1);
      assert.equal((await one.down()).exitCode, 0);
      assert.deepEqual(one.machines(), []);
    });
  }

  it("refuses a wrong configuration before anything is fetched or made", async () => {
    const good = await one.stack.engine.read("Pulumi.local.yaml");
    await one.stack.engine.write("Pulumi.local.yaml", good.replace("config:", "config:\n  cloister:cpsu: 4"));
    const { exitCode, all } = await one.start();
    await one.stack.engine.write("Pulumi.local.yaml", good);
    assert.equal(exitCode, 1);
    assert.match(all, /Did you mean cloister:cpus\?/);
    assert.ok(!existsSync(join(one.project, ".cloister")));
  });
});
