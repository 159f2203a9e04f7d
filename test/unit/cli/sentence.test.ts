import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import type { Fleet, MachineStatus } from "../../../cli/fleet.ts";
import { localStatus } from "../../../cli/local/fleet.ts";
import { verifiedAtBoot } from "../../../cli/report.ts";
import { firstSentence } from "../../../cli/sentence.ts";
import { machineList } from "../../../cli/table.ts";

describe("a reason in a list", () => {
  it("is the first sentence", () => {
    for (const [text, sentence] of [
      ["There is no disk. Attach one.", "There is no disk"],
      ["it failed\n    at x (y.js:1)\n    at z", "it failed"],
      [
        "the verification did not finish (timeout): row S1|row S2|Traceback",
        "the verification did not finish (timeout): row S1",
      ],
      ["nft 1.0.6 does not know this. Use 1.0.9", "nft 1.0.6 does not know this"],
      ["10.0.2.2 is e.g. a host", "10.0.2.2 is e.g. a host"],
      ["", ""],
    ] as const) {
      assert.equal(firstSentence(text), sentence);
    }
    const long = firstSentence("word ".repeat(100));
    assert.ok(long.length <= 160 && long.endsWith("word..."), long);
    assert.equal(firstSentence("x".repeat(500)).length, 160);
  });

  it("is that of the console and of the accelerator in ls, not the journal behind it", () => {
    const outputs = {
      target: "local",
      stateDirectory: "/s",
      accelerator:
        "emulation (TCG), which is slow: QEMU stopped. Assertion failed: (a != b), function f, file x.c, line 1",
      runtimeImage: "sha256:ab",
      verification: { ok: true, rows: 1, kept: 1, differs: [] },
    } as const;
    const why = "the verification did not finish (exit-code, 1): first|second|third";
    const { verification, remarks } = localStatus("local", outputs, 2222, { kind: "failed", why });
    assert.equal(verification.by, "its console says: the verification did not finish (exit-code, 1): first");
    assert.equal(remarks[1], "emulation (TCG), which is slow: QEMU stopped");
  });

  it("of a machine's report moves no cursor, nor does a list of machines", async () => {
    const order = "\u001b]52;c;ZXZpbA==\u0007\u009b6n";
    const report = {
      ...{ machine: "one", target: "local", image: "Ubuntu", arch: "arm64", runtime: "0", depth: "quick" },
      ...{ startedAt: "2026-01-02T03:04:05Z", durationMs: 1, ok: true, rows: [] },
      unremoved: [{ name: "web", reason: `home: ${order} cannot be removed` }],
    };
    const fleet = (said: string): Fleet => ({
      machines: async () => [],
      connect: async () => ({
        async exec(_command, { stdout }) {
          (stdout as Writable).write(said);
          return 0;
        },
        shell: () => Promise.reject(new Error("not here")),
      }),
    });
    const machine = { name: "one" } as MachineStatus;
    const { unremoved } = await verifiedAtBoot(fleet(JSON.stringify(report)), machine);
    const harmless = "\\x1b]52;c;ZXZpbA==\\x07\\x9b6n";
    assert.equal(unremoved?.[0]?.reason, `home: ${harmless} cannot be removed`);
    await assert.rejects(verifiedAtBoot(fleet(order), machine), (error: Error) => error.message.includes(harmless));
    const status = { ...machine, state: "running", template: "t", remarks: [order] };
    const list = machineList([{ ...status, verification: { verdict: "passed", by: order } } as MachineStatus], {});
    assert.ok(list.includes(`${harmless}; ${harmless}`), list);
    assert.ok(!["\u001b", "\u009b"].some((character) => list.includes(character)));
  });

  it("is one about a report of another version, not the checker's list", async () => {
    const fleet: Fleet = {
      machines: async () => [],
      connect: async () => ({
        async exec(_command, { stdout }) {
          (stdout as Writable).write(JSON.stringify({ machine: "one", more: 1 }));
          return 0;
        },
        shell: () => Promise.reject(new Error("not here")),
      }),
    };
    await assert.rejects(verifiedAtBoot(fleet, { name: "one" } as MachineStatus), (error: Error) => {
      assert.match(error.message, /^the report of one is not of this version: \w+ [^\n{[]*\. Bring the stack up again/);
      assert.equal(error.message.split("\n").length, 1);
      return true;
    });
  });
});
