import assert from "node:assert/strict";
import { agentSteps } from "../../../../cli/start/first-session.ts";

describe("the steps of the first session's agent", () => {
  it("are told in words in which nothing acts on a terminal", () => {
    const step = (block: object): string => JSON.stringify({ type: "assistant", message: { content: [block] } });
    assert.deepEqual(agentSteps(step({ type: "text", text: "I look" })), ["agent: I look"], "the control");
    for (const line of [
      step({ type: "text", text: "\x1b]52;c;ZXZpbA==\x07" }),
      step({ type: "tool_use", name: "\x9b6n", input: { x: "\x9b2J" } }),
      "no JSON\x1b[2J",
    ]) {
      const [told = ""] = agentSteps(line);
      assert.match(told, /^[ -~]+$/);
      assert.match(told, /\\x(?:1b|9b)/);
    }
  });
});
