import { createHmac } from "node:crypto";
import { hasSecret, hasUnknown, type Plain, secret, unknown } from "../events/values.ts";
import { mayShow } from "../secrets/allowed.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { canonicalText } from "./canonical.ts";
import type { Shown } from "./document.ts";

const LONGEST = 400;

/** What of a property's value may be shown. */
export function shown(type: string, path: string, value: Plain | undefined, scrubber: Scrubber): Shown {
  if (value === undefined) return { absent: true };
  if (value === unknown) return { unknown: true };
  if (value === secret || hasSecret(value)) return { secret: true };
  if (!mayShow(type, path)) return { hidden: size(value) };
  return openly(value, scrubber);
}

/** A value of which nothing but looks tells whether it is a secret. */
export function openly(value: Plain | undefined, scrubber: Scrubber): Shown {
  if (value === undefined) return { absent: true };
  if (hasSecret(value)) return { secret: true };
  if (hasUnknown(value)) return { unknown: true };
  const text = typeof value === "string" ? value : canonicalText(value);
  if (text.length > LONGEST) return { hidden: size(value) };
  return { value: scrubber.text(text) };
}

function size(value: Plain): string {
  if (hasUnknown(value)) return "known in part";
  if (typeof value === "string") return `${value.length.toLocaleString("en")} characters`;
  if (Array.isArray(value)) return value.length === 1 ? "1 entry" : `${value.length} entries`;
  return "not shown";
}

/**
 * Stands in the digest for a value, shown or not. What is not shown could be guessed from a plain hash: so it is hashed with a key that
 * only those have who may read the state.
 */
export function fingerprint(value: Plain | undefined, key: string): string {
  if (value === undefined) return "absent";
  return createHmac("sha256", key).update(canonicalText(value)).digest("hex").slice(0, 32);
}
