import assert from "node:assert/strict";
import { StepCommand } from "../../../../infra/local/step-command.ts";
import { readOutcome, writeOutcome } from "../../../../infra/local/steps/outcome.ts";
import { STEPS } from "../../../../infra/local/steps/steps.ts";

describe("steps and the resources that run them", () => {
  it("fit each other, or do not compile", () => {
    // Never run: `tsc` holds each line to what it says.
    const typed = (): void => {
      const root = "/state";
      const disk = new StepCommand("right", { step: "session-disk", input: { root, sizeGiB: 10 } }, {});
      disk.result().apply((path: string) => path);
      // @ts-expect-error: the result is a text
      disk.result().apply((path: { digest: string }) => path);
      const runtime = new StepCommand(
        "right",
        { step: "runtime-disk", input: { root, architecture: "arm64", baseImage: "auto" } },
        {},
      );
      runtime.result().apply(({ digest, size }: { digest: string; size: number }) => `${digest} ${size}`);
      // @ts-expect-error: no such step
      new StepCommand("unknown", { step: "disk", input: { root } }, {});
      // @ts-expect-error: sizeGiB is missing
      new StepCommand("too little", { step: "session-disk", input: { root } }, {});
      // @ts-expect-error: the step does not read cpus
      new StepCommand("more", { step: "session-disk", input: { root, sizeGiB: 1, cpus: 1 } }, {});
      // @ts-expect-error: a size is a number
      new StepCommand("other", { step: "session-disk", input: { root, sizeGiB: "10" } }, {});
    };
    assert.equal(typed.length, 0);
  });

  it("hand results over as they are, texts and facts", () => {
    for (const outcome of ["", "ssh-ed25519 AAAA operator", "/state/session.qcow2", { digest: "0", size: 1 }, {}])
      assert.deepEqual(readOutcome(writeOutcome(outcome)), outcome);
    // What stands in a stack's state must stay as it is.
    assert.equal(writeOutcome("/state"), "/state");
    assert.equal(writeOutcome({ digest: "0" }), '{"digest":"0"}');
  });

  it("are known by the same names", async () => {
    for (const [name, load] of Object.entries(STEPS)) {
      const step = await load();
      assert.deepEqual(Object.keys(step).sort(), ["create", "remove"], name);
    }
  });
});
