import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_DEPTH, MAX_ITEMS, parseStrictJson } from "../../../../guest/agent/relay-json.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text));
const problem = (text: string) => {
  const result = parse(text);
  return "problem" in result ? result.problem : undefined;
};

describe("strict JSON", () => {
  it("has no key twice in an object, however deep and however it is spelled", () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"b":2,"a":3}',
      '{"x":[{"y":{"a":1,"a":2}}]}',
      '{"a":1,"\\u0061":2}',
      '{"__proto__":1,"__proto__":2}',
      '{"":1,"":2}',
      '[{"a":1},{"a":1,"a":1}]',
    ]) {
      assert.equal(problem(text), "has a key twice in one object", text);
    }
  });

  it("takes the same key in different objects, and colons, commas and quotes in texts", () => {
    for (const value of [
      { a: 1, b: { a: 1 }, c: [{ a: 1 }, { a: 1 }] },
      { "a:b": ':{"', 'q"': "\\", "\\": '\\"', e: "{[,:]}" },
      JSON.parse('{"__proto__":{"__proto__":1}}') as unknown,
      { 1: 1, "01": 1 },
      [[], {}, "", 0, null, true],
      "a:b",
      0,
    ]) {
      const result = parse(JSON.stringify(value));
      assert.ok("value" in result);
      assert.equal(JSON.stringify(result.value), JSON.stringify(value));
    }
  });

  it("gives the value that JSON.parse gives, whatever is written", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2), (text, spaces) => {
        const written = JSON.stringify(JSON.parse(text), null, spaces);
        assert.deepEqual(parse(written), { value: JSON.parse(written) as unknown });
      }),
    );
  });

  it("finds a key that was put in a second time, wherever", () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(object, fc.jsonValue(), fc.integer({ min: 0, max: 5 }), (value, more, depth) => {
        const [key] = Object.keys(value);
        const twice = `${JSON.stringify(value).slice(0, -1)},${JSON.stringify(key)}:${JSON.stringify(more)}}`;
        const text = `${'{"in":['.repeat(depth)}${twice}${"]}".repeat(depth)}`;
        assert.equal(problem(text), "has a key twice in one object");
      }),
    );
  });

  it("is UTF-8 without errors and without a mark", () => {
    const bad = { problem: "is not JSON in UTF-8" };
    assert.deepEqual(parseStrictJson(Buffer.from([0x22, 0xff, 0x22])), bad);
    assert.deepEqual(parseStrictJson(Buffer.from("\ufeff{}")), bad);
    assert.deepEqual(parseStrictJson(Buffer.from('{"a":1}', "utf16le")), bad);
    assert.deepEqual(parse('{"ü":"😀"}'), { value: { ü: "😀" } });
  });

  it("is nothing but JSON", () => {
    for (const text of ["", "{", "{'a':1}", "{a:1}", '{"a":1,}', "[1]x", "// x\n{}", "NaN", '{"a":1}{"a":1}']) {
      assert.equal(problem(text), "is not JSON in UTF-8", text);
    }
  });

  it("ends with the depth and the number that no conversation has, and in a moment", () => {
    const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    assert.equal(problem(deep(MAX_DEPTH)), undefined);
    assert.equal(problem(deep(MAX_DEPTH + 1)), `is nested more than ${MAX_DEPTH} deep`);
    assert.equal(problem('{"a":'.repeat(5_000_000)), `is nested more than ${MAX_DEPTH} deep`);
    assert.equal(problem(`[${"0,".repeat(MAX_ITEMS + 1)}0]`), `has more than ${MAX_ITEMS} members and elements`);
    const started = performance.now();
    const image = { source: { data: "A".repeat(30_000_000) } };
    assert.equal(problem(JSON.stringify(image)), undefined);
    assert.ok(performance.now() - started < 5_000);
  }).timeout(30_000);
});
