import assert from "node:assert/strict";
import { settingsSchema } from "../../../../infra/settings/schema.ts";
import { describeOptions } from "./options.ts";
import { base, config, ELSEWHERE, madeWith, ROWS } from "./settings-rows.ts";
import { newTarget } from "./target.ts";

describe("each key of the configuration, on AWS", function () {
  this.timeout(20_000);
  describeOptions(base, (changes) => newTarget(config(changes)), ROWS, madeWith);

  it("has a test, or means nothing there", () => {
    const tested = Object.keys(ROWS).map((path) => path.split(".")[0]);
    assert.deepEqual([...new Set([...tested, ...ELSEWHERE])].sort(), Object.keys(settingsSchema.shape).sort());
  });
});
