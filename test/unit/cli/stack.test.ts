import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { chooseMachine } from "../../../cli/choose.ts";
import { OperatorError, UsageError } from "../../../cli/errors.ts";
import type { Fleet, MachineStatus } from "../../../cli/fleet.ts";
import { each } from "../../../cli/report.ts";
import { coloursFor } from "../../../cli/screen.ts";
import { parseStack } from "../../../cli/stack.ts";
import { machineList, machineTable } from "../../../cli/table.ts";
import { nearest } from "../../../contract/nearest.ts";

const machine = (name: string, more: Partial<MachineStatus> = {}): MachineStatus => ({
  name,
  state: "running",
  template: "v1",
  verification: { verdict: "passed", by: "a test" },
  remarks: [],
  ...more,
});

const fleet = (...machines: MachineStatus[]): Fleet => ({
  machines: async (name) => machines.filter((one) => name === undefined || one.name === name),
  connect: () => Promise.reject(new Error("not here")),
});

describe("the operator's command", () => {
  describe("finds its machine", () => {
    it("by name, or as the only one", async () => {
      assert.equal((await chooseMachine(fleet(machine("one"), machine("two")), "dev", "two")).name, "two");
      assert.equal((await chooseMachine(fleet(machine("one")), "dev", undefined)).name, "one");
    });

    it("or says which there are", async () => {
      const two = fleet(machine("worker"), machine("builder"));
      await assert.rejects(chooseMachine(two, "dev", "wroker"), (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /has no machine wroker\. Did you mean worker\? There are: worker, builder\./);
        return true;
      });
      await assert.rejects(chooseMachine(two, "dev", "x"), (error: Error) => !error.message.includes("Did you mean"));
      await assert.rejects(
        chooseMachine(two, "dev", undefined),
        /has 2 machines: name one with --machine \(worker, builder\)/,
      );
      await assert.rejects(chooseMachine(fleet(), "dev", undefined), /has no machines at the moment/);
      const many = fleet(...Array.from({ length: 30 }, (_, i) => machine(`i-${i}`)));
      await assert.rejects(chooseMachine(many, "dev", undefined), /i-9 and 20 more/);
    });

    it("or says what to do when it does not run", async () => {
      const stopped = fleet(machine("one", { state: "stopped", help: "Start it: npm start" }));
      await assert.rejects(chooseMachine(stopped, "dev", "one"), (error: Error) => {
        assert.ok(error instanceof OperatorError && !(error instanceof UsageError));
        assert.equal(error.message, "the machine one of the stack dev is stopped. Start it: npm start");
        return true;
      });
    });
  });

  it("reads a stack's outputs, and says so when they are not there or of another version", () => {
    const local = {
      target: "local",
      stateDirectory: "/s",
      accelerator: "kvm",
      runtimeImage: "sha256:ab",
      verification: { ok: true, rows: 1, kept: 1, differs: [] },
      ssh: "not needed",
    };
    assert.equal(parseStack("local", local).outputs.target, "local");
    assert.throws(() => parseStack("dev", {}), /the stack dev is not up.*npm run -s pulumi -- up --stack dev/);
    assert.throws(
      () => parseStack("dev", { target: "aws", machines: {} }),
      /not those of this version \(region, pools\)/,
    );
    assert.throws(() => parseStack("dev", { ssh: "x" }), /an earlier version made it/);
  });

  it("finds near names, and none that is far", () => {
    assert.equal(nearest("stagign", ["dev", "staging"]), "staging");
    assert.equal(nearest("de", ["dev"]), "dev");
    assert.equal(nearest("prod", ["dev", "staging"]), undefined);
    assert.equal(nearest("x", ["y"]), undefined);
    assert.equal(nearest("x", []), undefined);
  });

  it("does a few things at once, and keeps their order", async () => {
    let running = 0;
    let most = 0;
    const results = await each(
      Array.from({ length: 40 }, (_, i) => i),
      async (i) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 3 - (i % 3)));
        running--;
        return i * 2;
      },
    );
    assert.deepEqual(
      results,
      Array.from({ length: 40 }, (_, i) => i * 2),
    );
    assert.ok(most > 1 && most <= 8, `${most}`);
  });

  it("shows machines as a table", () => {
    const text = machineTable(
      [
        machine("one", { remarks: ["i-0a", "SSM online"] }),
        machine("i-0b", {
          pool: "workers",
          state: "stopped",
          current: false,
          verification: { verdict: "unknown", by: "it does not run" },
        }),
      ],
      120,
    );
    assert.match(text, /│ machine │ pool {4}│ state {3}│ made from │ verified │ more/);
    assert.match(text, /│ i-0b {4}│ workers │ stopped │ v1 \(old\)/);
    assert.match(text, /2 machines, 1 running, 1 verified, 1 of an old template$/);
    for (const line of text.split("\n")) assert.ok(line.length <= 120, line);
    assert.doesNotMatch(machineTable([machine("one")], 100), /pool/);
    assert.equal(machineTable([], 80), "no machines");
  });

  it("shows machines as fields to a program, and in colours to a person only", () => {
    const machines = [
      machine("one", { remarks: ["i-0a", "SSM online"] }),
      machine("i-0b", { pool: "workers", state: "stopped", current: false }),
    ];
    assert.equal(
      machineList(machines, {}),
      "one\t\trunning\tv1\t\tpassed\ta test; i-0a; SSM online\ni-0b\tworkers\tstopped\tv1\told\tpassed\ta test",
    );
    assert.equal(machineList([], {}), "");
    const plain = machineTable(machines, 120);
    const coloured = machineTable(machines, 120, coloursFor({ isTTY: true }, {}));
    assert.ok(coloured.includes("\u001b[32mrunning\u001b[39m"));
    assert.equal(stripVTControlCharacters(coloured), plain, "colours take no columns");
  });

  it("colours as gh does: on a terminal, not with NO_COLOR, and everywhere with FORCE_COLOR", () => {
    const isRed = (screen: { isTTY?: boolean }, env: NodeJS.ProcessEnv) => coloursFor(screen, env).red("x") !== "x";
    assert.ok(isRed({ isTTY: true }, {}));
    assert.ok(!isRed({}, {}));
    assert.ok(!isRed({}, { CI: "true" }), "a pipe of a build has none");
    assert.ok(!isRed({ isTTY: true }, { NO_COLOR: "1" }));
    assert.ok(!isRed({ isTTY: true }, { TERM: "dumb" }));
    assert.ok(isRed({}, { FORCE_COLOR: "1", NO_COLOR: "1" }));
    assert.ok(isRed({}, { CLICOLOR_FORCE: "1", NO_COLOR: "1" }));
    assert.ok(!isRed({}, { CLICOLOR_FORCE: "0" }));
    assert.ok(!isRed({ isTTY: true }, { CLICOLOR: "0" }));
    assert.ok(!isRed({ isTTY: true }, { FORCE_COLOR: "0" }));
  });
});
