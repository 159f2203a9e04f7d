import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { livingProcess } from "../../../infra/local/host/living.ts";
import { LocalStack } from "../../support/local/stack.ts";

/** `cloister` in a clone of its own, with the real engine; QEMU, ssh and images are stand-ins. */
describe("the operator's command on a local stack", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let stack: LocalStack;

  before(async () => {
    stack = await LocalStack.create();
  });
  after(() => stack.dispose());

  const cloister = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await execa("node", ["cli/bin.mjs", ...args], {
      cwd: stack.engine.folder,
      env: stack.engine.env,
      reject: false,
      stdin: "ignore",
    });
    return { exitCode, stdout, stderr };
  };
  const inStack = (...args: string[]) => cloister("--stack", stack.engine.stack, ...args);

  it("says what is wrong with what was written", async () => {
    for (const [args, says] of [
      [["ls"], /no stack: write --stack NAME/],
      [["--stack", "tset", "ls"], /there is no stack tset in file:\S+\. Did you mean test\? There are: test\./],
      [["--stack", "test", "rnu"], /unknown command 'rnu'\n\(Did you mean run\?\)/],
      [["--stack", "test", "run"], /missing required argument 'command'/],
      [["--stack", "test", "run", "--alow", "x", "--", "true"], /unknown option '--alow'/],
      [["--stack", "test", "cp", "a", "b"], /one of both must be on a machine/],
      [["--stack", "test", "--machine", "one", "verify", "--all"], /leave out --machine, or --all/],
      [["--stack", "test", "run", "--tty", "--", "true"], /--tty needs a terminal/],
    ] as const) {
      const { exitCode, stderr } = await cloister(...args);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/, "no stack trace");
    }
  });

  it("says that the stack is not up", async () => {
    const { exitCode, stderr } = await inStack("ls");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /the stack test is not up: it has no outputs\. Bring it up: npm run -s pulumi -- up --stack test/,
    );
  });

  it("lists the machine", async () => {
    const { exitCode, all } = await stack.engine.up();
    assert.equal(exitCode, 0, all);
    const [machine, ...others] = JSON.parse((await inStack("ls", "--json")).stdout);
    assert.deepEqual(others, []);
    assert.equal(machine.name, "machine");
    assert.equal(machine.state, "running");
    assert.equal(machine.template, "runtime aaaaaaaaaaaa");
    assert.deepEqual(machine.verification, { verdict: "passed", by: "at its start: 1 of 1 rows ok" });
    assert.match(machine.remarks[0], /^ssh on 127\.0\.0\.1:\d+$/);
    assert.match((await inStack("ls")).stdout, /^machine\t\trunning\truntime aaaaaaaaaaaa\t\tpassed\t/m);
  });

  it("knows no other machine", async () => {
    const { exitCode, stderr } = await inStack("--machine", "mahcine", "run", "--", "true");
    assert.equal(exitCode, 2);
    assert.match(stderr, /has no machine mahcine\. Did you mean machine\? There are: machine\./);
  });

  it("says that a machine cannot be reached, with ssh's own words", async () => {
    // The stand-in of ssh knows one answer, whatever it is asked, and that is no remote helper.
    const { exitCode, stderr } = await inStack("run", "--", "true");
    assert.equal(exitCode, 1);
    assert.match(stderr, /the machine machine could not be reached/);
  });

  it("says what to do when the machine does not run", async () => {
    process.kill(livingProcess(stack.paths)?.pid ?? assert.fail("the machine does not run"), "SIGKILL");
    for (let i = 0; i < 50 && livingProcess(stack.paths); i++) await sleep(100);
    const [machine] = JSON.parse((await inStack("ls", "--json")).stdout);
    assert.equal(machine.state, "stopped");
    assert.equal(machine.verification.verdict, "unknown");
    const { exitCode, stderr } = await inStack("shell");
    assert.equal(exitCode, 1);
    assert.match(stderr, /machine of the stack test is stopped\. Start it again: npm run -s pulumi -- up --stack test/);
  });
});
