import { gunzipSync, inflateSync } from "node:zlib";

export const REMOVED = "[removed]";

/** Credentials that we recognize by their look. */
const LOOKS: readonly RegExp[] = [
  /-----BEGIN [A-Z0-9 ]*-----[\s\S]*?(?:-----END [A-Z0-9 ]*-----|$)/g,
  /\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{12,}/g,
  /\bsk-[A-Za-z0-9_-]{12,}/g,
  /\b(?:gh[pousr]_|github_pat_|glpat-|npm_|pul-|hf_|dop_v1_|shpat_|pypi-)[A-Za-z0-9_-]{12,}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{8,}/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g,
  /\bv1:[A-Za-z0-9+/=]{8,}:[A-Za-z0-9+/=]{8,}/g,
];
/** The text after the name of a credential, in any notation. The name stays. */
const NAMED =
  /((?<!secretsmanager:[a-z0-9-]{0,32}:\d{0,12}:)(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization|bearer)["']?\s*(?:[=:]\s*|\s)["']?)((?:basic |bearer )?[^\s"',;}&]{6,})/gi;
/** User and password of an address. */
const IN_ADDRESS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]+@/gi;
const RUN = /[A-Za-z0-9+/=_-]{20,}/g;
const DEPTH = 5;
const MOST = 1 << 20;

/**
 * Removes credentials from texts: words that look like one, those that are known, and both in the usual encodings
 * (base64, hex, percent, gzip, one in another). This is the last wall: the list of properties (`allowed.ts`) decides
 * what is shown at all.
 */
export class Scrubber {
  readonly #known: RegExp | undefined;
  readonly #seen = new Map<string, string>();

  /**
   * @param known credentials of this run, such as those of its environment; one of fewer than 6 characters is not
   * recognized
   */
  constructor(known: readonly string[] = []) {
    const forms = [...new Set(known.filter((one) => one.length >= 6).flatMap(formsOf))].sort(
      (a, b) => b.length - a.length,
    );
    this.#known = forms.length > 0 ? new RegExp(forms.map(escaped).join("|"), "gi") : undefined;
  }

  /** Returns a text without credentials. Doing it twice gives the same text. */
  text(value: string): string {
    const have = this.#seen.get(value);
    if (have !== undefined) return have;
    const scrubbed = this.#scrub(value, 0);
    if (value.length < 10_000) this.#seen.set(value, scrubbed);
    return scrubbed;
  }

  #scrub(value: string, depth: number): string {
    let text = value;
    if (this.#known) text = text.replace(this.#known, REMOVED);
    for (const look of LOOKS) text = text.replace(look, REMOVED);
    text = text.replace(IN_ADDRESS, `$1${REMOVED}@`).replace(NAMED, (all, name: string, behind: string) => {
      return isHarmless(behind) ? all : `${name}${REMOVED}`;
    });
    text = text.replace(RUN, (run) => (isOpaque(run) || this.#hides(run, depth) ? REMOVED : run));
    return this.#percent(text, depth);
  }

  /** Tells whether a text is an encoding of something that has to be removed. */
  #hides(run: string, depth: number): boolean {
    if (depth >= DEPTH) return true;
    return decodings(run).some((decoded) => this.#scrub(decoded, depth + 1) !== decoded);
  }

  #percent(text: string, depth: number): string {
    if (depth >= DEPTH || !/%[0-9a-f]{2}/i.test(text)) return text;
    return text.replace(/\S*%[0-9a-f]{2}\S*/gi, (word) => {
      const decoded = word.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
        Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
      );
      return this.#scrub(decoded, depth + 1) === decoded ? word : REMOVED;
    });
  }
}

/**
 * Tells whether something in a text looks like a credential, also within base64, hex or gzip. Digests and other long
 * numbers do not: where programs are looked at, they are everywhere.
 */
export function looksSecret(text: string, depth = 0): boolean {
  const found = (look: RegExp): boolean => {
    look.lastIndex = 0;
    const isFound = look.test(text);
    look.lastIndex = 0;
    return isFound;
  };
  if (LOOKS.some(found) || found(IN_ADDRESS)) return true;
  if (depth >= DEPTH) return false;
  return (text.match(RUN) ?? []).some((run) => decodings(run).some((decoded) => looksSecret(decoded, depth + 1)));
}

/**
 * Tells whether the text after a word such as `secret` is ordinary: an address of a resource, a plain word or a number.
 */
function isHarmless(text: string): boolean {
  return (
    text.includes(REMOVED) ||
    /^(?:arn:|\[|\(|[a-z]+(?:[-_.:/][a-z]+)*[.:,]?$|\d{1,6}$|cloister|Secret(?:Version)?\b)/.test(text)
  );
}

/** Tells whether a run of characters looks like a key: it is long, has all kinds of characters, and nothing regular. */
function isOpaque(run: string): boolean {
  if (/(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])/i.test(run)) return true;
  const parts = run.split(/[-_/+=]+/);
  if (parts.some((part) => part.length >= 20 && isMixed(part) && isIrregular(part))) return true;
  return run.length >= 32 && parts.length - 1 <= run.length / 12 && isMixed(run) && entropy(run) >= 4.2;
}

/**
 * Tells keys from joined words. Joined words change the kind of character once a word, keys at every other character.
 */
function isIrregular(part: string): boolean {
  const kind = (one: string): number => (/[0-9]/.test(one) ? 0 : /[a-z]/.test(one) ? 1 : 2);
  let turns = 0;
  for (let i = 1; i < part.length; i++) if (kind(part[i] ?? "") !== kind(part[i - 1] ?? "")) turns++;
  const digits = part.replace(/[^0-9]/g, "").length;
  return entropy(part) >= 3.5 && (digits >= 2 || turns >= part.length * 0.45);
}

const isMixed = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text) && /[0-9]/.test(text);

/** Shannon's entropy, in bits for each character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const one of text) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}

/** The texts that a run may encode. Results that are no text are left out. */
function decodings(run: string): string[] {
  const found: string[] = [];
  const add = (bytes: Buffer): void => {
    // The first bytes tell the packing: trying all, with an error for each word of a document, would be slow.
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b ? [gunzipSync] : bytes[0] === 0x78 ? [inflateSync] : [];
    for (const unpack of packed) {
      try {
        found.push(unpack(bytes, { maxOutputLength: MOST }).toString("utf8"));
      } catch {
        // The bytes were not packed in this way.
      }
    }
    const text = bytes.toString("utf8");
    if (bytes.length >= 6 && !text.includes("\ufffd")) found.push(text);
  };
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(run)) add(Buffer.from(run, "base64"));
  if (/^(?:[0-9a-f]{2})+$/i.test(run)) add(Buffer.from(run, "hex"));
  return found;
}

/** A secret as it may stand in a text: as it is, quoted, and encoded at each of base64's three positions. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const aligned = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // The characters at both ends may also hold bits of the text around the secret: we leave those out.
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const core = text.slice(from, to);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString("hex"),
    ...aligned.filter((core) => core.length >= 6),
  ];
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
