import assert from "node:assert/strict";
import { ACTS, type Piece, roundOf, TARGETS } from "../../escape/fuzz/generate.ts";

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const rounds = SEEDS.map(roundOf);

/** All pieces of a round, those in folders too. */
const piecesOf = (pieces: readonly Piece[]): Piece[] =>
  pieces.flatMap((piece) => [piece, ...(piece.kind === "folder" ? piecesOf(piece.inside) : [])]);
const all = rounds.flatMap(({ pieces }) => piecesOf(pieces));

describe("the fuzzer's rounds", () => {
  it("come from their seed alone", () => {
    for (const seed of SEEDS.slice(0, 30)) assert.deepEqual(roundOf(seed), roundOf(seed));
    assert.ok(new Set(rounds.map((round) => JSON.stringify({ ...round, seed: 0 }))).size > 190, "and differ by it");
  });

  it("have names that a kernel takes: bytes of one component", () => {
    for (const { name } of all) {
      const bytes = Buffer.from(name, "hex");
      assert.equal(bytes.toString("hex"), name);
      assert.ok(bytes.length >= 1 && bytes.length <= 255, name);
      assert.ok(!bytes.includes(0) && !bytes.includes(0x2f), name);
      assert.ok(!["2e", "2e2e"].includes(name));
    }
    const texts = all.filter(
      ({ name }) => Buffer.from(Buffer.from(name, "hex").toString("utf8")).toString("hex") === name,
    );
    assert.ok(texts.length < all.length && texts.length > all.length / 2, "some of them are no text");
  });

  it("have no name twice in a folder, which would hide what was to be there", () => {
    for (const { pieces } of rounds) assert.equal(new Set(pieces.map(({ name }) => name)).size, pieces.length);
  });

  it("reach every kind of thing, every target, every act and every mode", () => {
    const kinds = new Set(all.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [
      "deep",
      "fifo",
      "file",
      "folder",
      "hard",
      "link",
      "many",
      "sparse",
      "swap",
      "turn",
      "wander",
    ]);
    const targets = new Set(all.flatMap((piece) => ("target" in piece ? [piece.target] : [])));
    assert.deepEqual([...targets].sort(), [...TARGETS].sort());
    assert.deepEqual([...new Set(rounds.flatMap(({ acts }) => acts))].sort(), [...ACTS].sort());
    assert.deepEqual([...new Set(rounds.map(({ mode }) => mode))].sort(), ["rw", "rwd", "trash"]);
  });

  it("race in most rounds, and are small enough for one argument", () => {
    const racing = rounds.filter(({ pieces }) => pieces.some(({ kind }) => ["swap", "turn", "wander"].includes(kind)));
    assert.ok(racing.length > rounds.length / 2, `${racing.length} of ${rounds.length}`);
    // MAX_ARG_STRLEN (execve(2)) is 128 KiB.
    for (const round of rounds) assert.ok(JSON.stringify(round).length < 100_000);
  });

  it("have no file that a copy would take for ever with", () => {
    const lengths = rounds
      .filter(({ acts }) => acts.includes("copy-out"))
      .flatMap(({ pieces }) => piecesOf(pieces))
      .map((piece) => ("bytes" in piece ? piece.bytes : 0));
    assert.ok(Math.max(...lengths) <= 2 ** 24);
    assert.ok(
      all.some((piece) => piece.kind === "sparse" && piece.bytes === 2 ** 40),
      "others meet one",
    );
  });

  it("have at least one act, and no act twice", () => {
    for (const { acts } of rounds) {
      assert.ok(acts.length >= 3);
      assert.equal(new Set(acts).size, acts.length);
    }
  });
});
