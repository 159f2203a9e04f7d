import assert from "node:assert/strict";
import fc from "fast-check";
import { checkName, RESERVED_NAMES, randomName } from "../../../../guest/sessions/names.ts";
import { ADJECTIVES, NOUNS } from "../../../../guest/sessions/words.ts";

describe("session names", () => {
  it("are made of words without doubles or clashes, short enough for a Unix user's name", () => {
    for (const words of [ADJECTIVES, NOUNS]) {
      assert.equal(new Set(words).size, words.length);
      assert.ok(words.every((word) => /^[a-z]{2,10}$/.test(word)));
    }
    assert.ok(ADJECTIVES.every((word) => !NOUNS.includes(word)));
    const longest = (words: readonly string[]) => Math.max(...words.map((word) => word.length));
    assert.ok(2 * longest(ADJECTIVES) + longest(NOUNS) + 2 <= 32);
    assert.ok(ADJECTIVES.length * (ADJECTIVES.length - 1) * NOUNS.length > 10_000_000);
  });

  it("are <adjective>-<adjective>-<noun> with two different adjectives, and always allowed", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), (numbers) => {
        let at = 0;
        const name = randomName((below) => (numbers[at++] ?? 0) % below);
        const [first = "", second = "", noun = "", ...rest] = name.split("-");
        assert.deepEqual(rest, []);
        assert.ok(ADJECTIVES.includes(first) && ADJECTIVES.includes(second) && NOUNS.includes(noun));
        assert.notEqual(first, second);
        assert.equal(checkName(name), undefined);
      }),
    );
  });

  it("differ", () => {
    assert.ok(new Set(Array.from({ length: 100 }, () => randomName())).size > 98);
  });

  it("may be chosen within the rules for Unix users", () => {
    for (const name of ["a", "site", "site-2", "brave-loving-maxwell"]) assert.equal(checkName(name), undefined);
    for (const name of ["", "-a", "a-", "a--b", "A", "1a", "a_b", "a.b", "../x", "a/b", "a b", "x".repeat(33)]) {
      assert.match(checkName(name) ?? "", /^(write lower-case|has \d+ characters|is a folder)/, name);
    }
    for (const name of RESERVED_NAMES) assert.match(checkName(name) ?? "", /choose another name$/);
  });
});
