import assert from "node:assert/strict";
import { toldOnce } from "../../../toolchain/told-once.ts";

describe("Pulumi's plain lines", () => {
  it("repeat nothing that was said of a resource when it is done", () => {
    const tell = toldOnce();
    const lines = [
      " +  command:local:Command machine creating (0s)",
      " +  command:local:Command machine creating (2s)    1 s  kernel started",
      " +  command:local:Command machine creating (3s) the last word",
      " +  command:local:Command other creating (3s) the last word",
      " +  command:local:Command machine created (3s) the last word",
      " ~  command:local:Command other updated (0.02s)",
      "    pulumi:pulumi:Stack cloister-local **failed** 1 error",
    ];
    assert.deepEqual(lines.map(tell), [
      ...lines.slice(0, 4),
      " +  command:local:Command machine created (3s)",
      ...lines.slice(5),
    ]);
  });

  it("keep what was not said before", () => {
    const tell = toldOnce();
    const failed = " +  command:local:Command machine creating failed (3s) error: it broke";
    assert.equal(tell(failed), failed);
    const done = " +  pulumi:pulumi:Stack cloister-local created 5 warnings";
    assert.equal(tell(done), done);
    assert.equal(tell("Outputs: as they are"), "Outputs: as they are");
  });
});
