import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { Neutral, neutral, neutralJson, neutralValue, tame } from "../../../../guest/lib/neutral.ts";

/** What a session could have a terminal do: answer, set its title, fill the clipboard, move, and hide. */
const ORDERS = [
  "\x1b[6n",
  "\x1b[c",
  "\x1b]0;title\x07",
  "\x1b]52;c;ZXZpbA==\x07",
  "\x1bP+q544e\x1b\\",
  "\x1b[2J\x1b[H",
  "\x1bc",
  "\x9b6n",
  "\u202eevil",
];

describe("JSON for a terminal", () => {
  it("has no order in it, and is the same value", () => {
    assert.ok(JSON.stringify(ORDERS).includes("\x9b6n"), "the control: JSON alone leaves some");
    const told = neutralJson({ orders: ORDERS, "\u202e": ["\u{e0001}"] });
    assert.match(told, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(told), { orders: ORDERS, "\u202e": ["\u{e0001}"] });
    assert.equal(neutralJson({ a: ["ü", 1] }, 2), JSON.stringify({ a: ["ü", 1] }, undefined, 2));
  });
});

describe("a value that came as JSON", () => {
  const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

  it("is refused in an ordinary way where it is nested deep", () => {
    const refusal = { name: "SyntaxError", message: /nested more than 100 deep/ };
    for (const value of [nested(101), nested(20_000), { notices: [nested(20_000)] }])
      assert.throws(() => neutralValue(value), refusal);
  });

  it("is the same value, without orders: the control", () => {
    assert.deepEqual(neutralValue(nested(100)), nested(100));
    assert.deepEqual(neutralValue({ "a\x1b": [1, null, true, "\x9b6n"] }), { "a\\x1b": [1, null, true, "\\x9b6n"] });
  });
});

const through = async (pieces: readonly Buffer[], live: boolean): Promise<string> => {
  const stream = new Neutral({ live });
  const said = text(stream);
  for (const piece of pieces) stream.write(piece);
  stream.end();
  return await said;
};

describe("text of a session on a terminal", () => {
  it("has no order left in it, whether it comes now or later", () => {
    for (const order of ORDERS) {
      for (const shown of [neutral(order), tame(order)]) {
        assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}]/u, JSON.stringify(order));
        assert.match(shown, /\\x|\\u/);
      }
    }
  });

  it("keeps colours and progress bars of output that comes now: the control", () => {
    const plain = "a \x1b[1;31mred\x1b[0m 50%\r60%\b\b\x1b[K\ttab\n";
    assert.equal(tame(plain), plain);
    assert.match(neutral(plain), /a \\x1b\[1;31mred/);
  });

  it("is the same in whatever pieces it comes, and ends without a colour", async () => {
    const whole = `${ORDERS.join("|")}\x1b[31mred\r\n\r50%\x1b[`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(Buffer.byteLength(whole)), { maxLength: 6 }), async (cuts) => {
        const bytes = Buffer.from(whole);
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.equal(await through(pieces, true), `${tame(whole)}\x1b[0m`);
        assert.equal(await through(pieces, false), neutral(whole));
      }),
    );
    assert.equal(await through([Buffer.from("plain\n")], true), "plain\n");
  });
});
