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

  it("are told as they came where they are no steps", () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const content = (block: string): string => `{"type":"assistant","message":{"content":[${block}]}}`;
    for (const line of [
      "null",
      content("null"),
      content('{"type":"text","text":{"toString":1}}'),
      content(`{"type":"tool_use","name":"t","input":${deep}}`),
    ])
      assert.deepEqual(agentSteps(line), [line]);
    assert.deepEqual(agentSteps('{"type":"system"}'), [], "the control");
  });
});
