import assert from "node:assert/strict";
import { defined } from "../../../lib/defined.ts";

describe("defined", () => {
  it("leaves undefined members out, and keeps all others", () => {
    const given = { a: undefined as number | undefined, b: 0, c: "", d: null, e: false };
    assert.deepEqual(Object.entries(defined(given)), [
      ["b", 0],
      ["c", ""],
      ["d", null],
      ["e", false],
    ]);
  });

  it("makes members optional that may be undefined, and only those", () => {
    const made: { readonly a?: number; readonly b: number } = defined({ a: undefined as number | undefined, b: 1 });
    assert.ok(!("a" in made));
  });
});
