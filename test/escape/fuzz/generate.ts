import fc from "fast-check";

/**
 * A session's arrangement of a folder, as data: made from a seed alone, so that a run can be repeated. Nothing here touches a
 * file; `fuzz/round.py` carries it out, inside a session.
 */

/** Targets of a session's links. No act of the machine may read, change or create anything there. */
export const TARGETS = [
  "root",
  "etc",
  "home-of-another",
  "outside",
  "operator",
  "top",
  "parent",
  "itself",
  "process",
  "missing",
  "own-mount",
  "device",
] as const;
export type Target = (typeof TARGETS)[number];

/** One thing in the folder. Names are bytes, in hexadecimal digits: not every name is text. */
export type Piece =
  | { readonly kind: "file"; readonly name: string; readonly bytes: number; readonly mode: number }
  | { readonly kind: "sparse"; readonly name: string; readonly bytes: number }
  | { readonly kind: "folder"; readonly name: string; readonly mode: number; readonly inside: readonly Piece[] }
  | { readonly kind: "link"; readonly name: string; readonly target: Target; readonly suffix: string }
  | { readonly kind: "hard"; readonly name: string }
  | { readonly kind: "fifo"; readonly name: string }
  | { readonly kind: "deep"; readonly name: string; readonly levels: number; readonly length: number }
  | { readonly kind: "many"; readonly name: string; readonly count: number }
  /** A folder and a link change places, again and again, while the machine acts. */
  | { readonly kind: "swap"; readonly name: string; readonly target: Target; readonly pauseMs: number }
  /** A file, a folder, a link and a FIFO take turns under one name. */
  | { readonly kind: "turn"; readonly name: string; readonly target: Target; readonly pauseMs: number }
  /** A folder wanders in and out of another. */
  | { readonly kind: "wander"; readonly name: string; readonly pauseMs: number };

/** Acts of the machine, meanwhile or afterwards. */
export const ACTS = [
  "mount-inside",
  "mount-overlapping",
  "mount-same-twice",
  "second-session",
  "kept-and-again",
  "remove",
  "trash",
  "copy-out",
  "copy-in",
] as const;
export type Act = (typeof ACTS)[number];

/** One round: what is arranged, how the folder is mounted, and what is done to it. */
export interface Round {
  readonly seed: number;
  readonly mode: "rw" | "rwd" | "trash";
  readonly pieces: readonly Piece[];
  readonly acts: readonly Act[];
}

/** The round of a seed: always the same one. */
export function roundOf(seed: number): Round {
  const [round] = fc.sample(roundArbitrary, { seed, numRuns: 1 });
  if (round === undefined) throw new Error(`nothing was made of the seed ${seed}`);
  return { seed, ...round };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Names that have made trouble somewhere: options, patterns, quotes, line ends, no text, as long as can be, of the machine's own. */
const SPECIAL = [
  "-rf",
  "--",
  "*",
  "$(id)",
  "`id`",
  "a\nb",
  " ",
  "\u202e",
  "...",
  ".cloister-trash",
  ".git",
  "mnt",
  "out",
  "con",
  "%2e%2e",
  "\\",
  "a".repeat(255),
  "é",
  "e\u0301",
].map((name) => hex(Buffer.from(name)));

const nameArbitrary: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-e]{1,3}$/).map((name) => hex(Buffer.from(name))) },
  { weight: 2, arbitrary: fc.constantFrom(...SPECIAL) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 24 })
      .map((bytes) => hex(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x80 : byte))))
      .filter((name) => name !== "2e" && name !== "2e2e"),
  },
);

/** A copy takes a file's whole length over the network; longer ones are for the other acts. */
const SMALL = 2 ** 24;

const mode = fc.constantFrom(0o644, 0o600, 0o000, 0o777, 0o4755, 0o2755, 0o111);
const target = fc.constantFrom(...TARGETS);
const pauseMs = fc.constantFrom(0, 0, 1, 5, 30);

const { piece: pieceArbitrary } = fc.letrec<{ piece: Piece }>((tie) => ({
  piece: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({
      kind: fc.constant("file" as const),
      name: nameArbitrary,
      bytes: fc.integer({ min: 0, max: 70_000 }),
      mode,
    }),
    fc.record({
      kind: fc.constant("sparse" as const),
      name: nameArbitrary,
      bytes: fc.constantFrom(2 ** 20, SMALL, 2 ** 40),
    }),
    fc.record({
      kind: fc.constant("link" as const),
      name: nameArbitrary,
      target,
      suffix: fc.constantFrom("", "/", "/.", "/x", "//"),
    }),
    fc.record({ kind: fc.constant("link" as const), name: nameArbitrary, target, suffix: fc.constant("") }),
    fc.record({ kind: fc.constant("hard" as const), name: nameArbitrary }),
    fc.record({ kind: fc.constant("fifo" as const), name: nameArbitrary }),
    fc.record({
      kind: fc.constant("deep" as const),
      name: nameArbitrary,
      levels: fc.integer({ min: 2, max: 120 }),
      length: fc.constantFrom(1, 40, 200, 255),
    }),
    fc.record({ kind: fc.constant("many" as const), name: nameArbitrary, count: fc.integer({ min: 2, max: 400 }) }),
    fc.record({ kind: fc.constant("swap" as const), name: nameArbitrary, target, pauseMs }),
    fc.record({ kind: fc.constant("turn" as const), name: nameArbitrary, target, pauseMs }),
    fc.record({ kind: fc.constant("wander" as const), name: nameArbitrary, pauseMs }),
    fc.record({
      kind: fc.constant("folder" as const),
      name: nameArbitrary,
      mode: fc.constantFrom(0o755, 0o700, 0o000, 0o555, 0o2775),
      inside: fc.array(tie("piece"), { maxLength: 4, depthIdentifier: "inside" }),
    }),
  ) as fc.Arbitrary<Piece>,
}));

const shortened = (pieces: readonly Piece[]): Piece[] =>
  pieces.map((piece) => {
    if (piece.kind === "sparse") return { ...piece, bytes: Math.min(piece.bytes, SMALL) };
    return piece.kind === "folder" ? { ...piece, inside: shortened(piece.inside) } : piece;
  });

const anyRound: fc.Arbitrary<Omit<Round, "seed">> = fc.record({
  mode: fc.constantFrom("rwd" as const, "rwd" as const, "rw" as const, "trash" as const),
  // Two of one name in one folder would hide each other.
  pieces: fc.uniqueArray(pieceArbitrary, { minLength: 10, maxLength: 28, size: "max", selector: ({ name }) => name }),
  acts: fc.shuffledSubarray([...ACTS], { minLength: 3, maxLength: 6 }),
});

const roundArbitrary = anyRound.map((round) =>
  round.acts.includes("copy-out") ? { ...round, pieces: shortened(round.pieces) } : round,
);
