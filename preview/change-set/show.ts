import { createHmac } from "node:crypto";
import { hasSecret, hasUnknown, type Plain, secret, unknown } from "../events/values.ts";
import { mayShow } from "../secrets/allowed.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { canonicalText } from "./canonical.ts";
import type { Shown } from "./document.ts";

const LONGEST = 400;

/** The part of a property's value that may be shown. */
export function shown(type: string, path: string, value: Plain | undefined, scrubber: Scrubber): Shown {
  if (value === undefined) return { absent: true };
  if (value === unknown) return { unknown: true };
  if (value === secret || hasSecret(value)) return { secret: true };
  if (!mayShow(type, path)) return { hidden: size(value) };
  return openly(value, scrubber);
}

/** Shows a value. If it is not marked as a secret, only its look can tell whether it is one. */
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
 * Represents a value in the digest, shown or not. A hidden value could be guessed from a plain hash, so the hash has a
 * key. Only people who may read the state have this key.
 */
export function fingerprint(value: Plain | undefined, key: string): string {
  if (value === undefined) return "absent";
  return createHmac("sha256", key).update(canonicalText(value)).digest("hex").slice(0, 32);
}
