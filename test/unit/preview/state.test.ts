import assert from "node:assert/strict";
import { readState } from "../../../preview/change-set/state.ts";

describe("a stack's state", () => {
  const text = (own: string, indent = 4): string =>
    JSON.stringify({ version: 3, deployment: { manifest: { time: "t" }, resources: [], own } }, undefined, indent);

  it("has one digest, however its text is written, and another one for other content", () => {
    const state = text("<a> \u2028 & é");
    const { sha256 } = readState(state);
    const escaped = state.replace("\u2028", "\\u2028").replace("<", "\\u003c").replace("é", "\\u00e9");
    assert.notEqual(escaped, state);
    for (const same of [escaped, `${state}\n`, text("<a> \u2028 & é", 0)]) assert.equal(readState(same).sha256, sha256);
    assert.notEqual(readState(text("<b>")).sha256, sha256);
    const ports = '{"deployment":{"own":{"443":1,"80":-0}}}';
    assert.equal(readState(ports).sha256, readState('{"deployment":{"own":{"80":0,"443":1}}}').sha256);
  });

  it("is refused when it is none", () => {
    assert.throws(() => readState("no JSON"));
    assert.throws(() => readState('{"deployment":{"resources":"none"}}'));
  });
});
