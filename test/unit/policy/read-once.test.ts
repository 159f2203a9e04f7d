import assert from "node:assert/strict";
import { readOnce } from "../../../policy/core/read-once.ts";

describe("a reader of messages", () => {
  it("reads each message once, and each time where secrets are kept as such", () => {
    const read: [object, boolean][] = [];
    const once = readOnce((message, proxySecrets) => {
      read.push([message, proxySecrets]);
      return { of: message };
    });
    const [one, other] = [{}, {}];
    assert.equal(once(one, false), once(one, false));
    assert.notEqual(once(other, false), once(one, false));
    assert.notEqual(once(one, true), once(one, true));
    assert.deepEqual(read, [
      [one, false],
      [other, false],
      [one, true],
      [one, true],
    ]);
  });
});
