import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { chosenFiles, globToRegExp, restored } from "../../../toolchain/standins/command/assets.ts";
import { failuresOf, inputsOf, resourceChecks } from "../../../toolchain/standins/command/inputs.ts";
import { runCommand } from "../../../toolchain/standins/command/run.ts";
import {
  changesBetween,
  hasUnknown,
  reveal,
  signatureKey,
  signatures,
  unknown,
} from "../../../toolchain/standins/command/values.ts";

const secret = (value: string) => ({ [signatureKey]: signatures.secret, value });
const nothing = { stdout: "", stderr: "" };

describe("the command stand-in", () => {
  it("sees through secrets, at any depth", () => {
    assert.deepEqual(reveal({ a: [secret("x")], b: { c: secret("y") } }), { a: ["x"], b: { c: "y" } });
    assert.deepEqual(inputsOf({ create: secret("echo"), dir: null }), { create: "echo" });
    assert.equal(hasUnknown({ a: [1, { b: unknown }] }), true);
  });

  it("names each change by its path", () => {
    const olds = { environment: { A: "1", "b-c": "2", D: "4" }, triggers: [1, { x: 1 }], dir: "/a", stdin: null };
    const news = { environment: { A: "1", "b-c": "3", E: "5" }, triggers: [1, { x: 2 }, 3], create: unknown };
    assert.deepEqual(changesBetween(olds, news), {
      'environment["b-c"]': "update",
      "environment.D": "delete",
      "environment.E": "add",
      "triggers[1].x": "update",
      "triggers[2]": "add",
      dir: "delete",
      create: "add",
    });
    assert.deepEqual(changesBetween(olds, olds), {});
    assert.deepEqual(changesBetween({ create: unknown }, { create: unknown }), { create: "update" });
  });

  it("finds all that is wrong with the inputs", () => {
    const wrong = { creat: "x", create: 1, environment: { A: true }, interpreter: ["sh", null], triggers: "t" };
    assert.deepEqual(
      failuresOf(wrong, resourceChecks).map(({ property }) => property),
      ["creat", "create", "environment", "interpreter", "triggers"],
    );
    const right = { create: unknown, environment: { A: secret("x") }, triggers: [unknown, 1], dir: null };
    assert.deepEqual(failuresOf(right, resourceChecks), []);
  });

  it("knows the globs of the original", () => {
    const matches = (glob: string, ...paths: string[]): boolean[] => paths.map((path) => globToRegExp(glob).test(path));
    assert.deepEqual(matches("*.js", "a.js", "b/a.js", "ajs"), [true, false, false]);
    assert.deepEqual(matches("src/**.js", "src/a.js", "src/b/a.js", "a.js"), [true, true, false]);
    assert.deepEqual(matches("**secret.*", "secret.js", "src/my-secret.txt"), [true, true]);
    assert.deepEqual(matches("{a,b/*}.t?t", "a.txt", "b/c.tst", "c.txt"), [true, true, false]);
    assert.deepEqual(matches("[!a-c]\\*", "d*", "a*", "dx"), [true, false, false]);
    assert.throws(() => globToRegExp("{a"), /has a \{ without \}/);
  });

  it("chooses files in the order of the rules", () => {
    const dir = fileURLToPath(new URL("../../../toolchain/standins", import.meta.url));
    assert.deepEqual(chosenFiles(dir, ["command/*.ts", "!**/run.ts", "!command/v*"]), [
      "command/assets.ts",
      "command/inputs.ts",
    ]);
    assert.deepEqual(chosenFiles(dir, ["*.none"]), []);
  });

  it("gives old assets their files back", () => {
    const asset = { [signatureKey]: signatures.asset, hash: "h" };
    const { assets } = restored({ dir: "/d", assets: { "a/b": asset } });
    assert.deepEqual(assets, { "a/b": { ...asset, path: "/d/a/b" } });
  });

  it("runs with interpreter, environment, standard input and the previous output", async () => {
    const script = 'read line; echo "$line $A $PULUMI_COMMAND_STDOUT"; echo; printf warn >&2; exit 0';
    const inputs = { stdin: "in\nmore", environment: { A: "a" }, dir: "/", interpreter: ["/bin/sh", "-e", "-c"] };
    const lines: string[] = [];
    const outputs = await runCommand(script, inputs, { stdout: "before", stderr: "" }, (line) => lines.push(line));
    assert.deepEqual(outputs, { stdout: "in a before\n", stderr: "warn" });
    assert.deepEqual(lines.sort(), ["", "in a before", "warn"]);
    const without = await runCommand(
      "printf %s $PULUMI_COMMAND_STDOUT",
      { addPreviousOutputInEnv: false },
      outputs,
      () => {},
    );
    assert.equal(without.stdout, "");
  });

  it("hands on whole lines as they come, of the stream that is asked for", async () => {
    const lines: string[] = [];
    await runCommand("printf a; sleep 0.1; printf 'b\\nc'; echo no >&2", { logging: "stdout" }, nothing, (line) =>
      lines.push(line),
    );
    assert.deepEqual(lines, ["ab", "c"]);
  });

  it("fails in the original's words", async () => {
    const fails = async (command: string, inputs: object = {}): Promise<string> =>
      await runCommand(command, inputs, nothing, () => {}).then(
        () => assert.fail("it did not fail"),
        (error: Error) => error.message,
      );
    assert.equal(await fails("echo out; exit 3"), 'exit status 3: running "echo out; exit 3":\nout\n');
    assert.match(await fails("kill -9 $$"), /^signal: SIGKILL: running/);
    assert.match(await fails("true", { interpreter: ["/no/such"] }), /ENOENT/);
    assert.match(await fails("true", { dir: "/no/such" }), /^chdir \/no\/such: no such directory/);
  });

  it("does not wait for a command to read its input", async () => {
    const { stdout } = await runCommand("echo done", { stdin: "x".repeat(1 << 20) }, nothing, () => {});
    assert.equal(stdout, "done");
  });
});
