import type { CountedRow } from "./audit-counts.ts";
import { type EgressDecision, NOT_ALLOWED } from "./decision.ts";
import { entryFor } from "./policy.ts";
import { parsePrivate } from "./private.ts";

/** Maximum number of entries that an option names. */
const MOST = 10;

/**
 * Returns the option of `run` that would have allowed what a row is about; undefined when nothing was denied, or when no
 * option allows it.
 *
 * The session chooses the host's text. An option is named only when its value is a proper entry for exactly this host.
 */
export function remedyFor(row: EgressDecision | CountedRow): string | undefined {
  if (row.verdict !== "denied") return undefined;
  if ("counted" in row) return allowOption(row.hosts.flatMap(([name]) => entryOf(name)));
  if (row.reason === NOT_ALLOWED) return allowOption(listed(entryFor(row.host, row.port)));
  // The reason ends with this option when the name's address is of a private range (private.ts).
  const [, entry = ""] = /: --allow-private (\S+)$/.exec(row.reason) ?? [];
  const { exceptions } = parsePrivate(entry === "" ? [] : [entry]);
  return exceptions[0]?.host === row.host.toLowerCase() ? `--allow-private ${entry}` : undefined;
}

/** Returns the one option that allows all these entries; undefined when there is none. */
export function allowOption(entries: readonly string[]): string | undefined {
  const each = [...new Set(entries)];
  return each.length === 0 ? undefined : `--allow ${each.slice(0, MOST).join(",")}`;
}

/** The entry for `HOST:PORT`, as a list of at most one. */
function entryOf(name: string): readonly string[] {
  const at = name.lastIndexOf(":");
  return listed(entryFor(name.slice(0, at), Number(name.slice(at + 1))));
}

const listed = (entry: string | undefined): readonly string[] => (entry === undefined ? [] : [entry]);
