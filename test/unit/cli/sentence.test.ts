import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import type { Fleet, MachineStatus } from "../../../cli/fleet.ts";
import { localStatus } from "../../../cli/local/fleet.ts";
import { verifiedAtBoot } from "../../../cli/report.ts";
import { firstSentence } from "../../../cli/sentence.ts";

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
