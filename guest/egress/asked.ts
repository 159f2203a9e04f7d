import { isIP } from "node:net";
import { type EgressDecision, NOT_ALLOWED, printable } from "./decision.ts";
import { entryFor } from "./policy.ts";

/** A host that was asked for, and how often. */
export interface Asked {
  /**
   * An entry of an allow list: a group, or the host with its port. It holds only letters, digits and `.-:[]`, because a
   * session chooses host names.
   */
  readonly entry: string;
  readonly times: number;
}

/** A request that no entry can allow, or whose host is no host's name. */
export interface Unusable {
  /** The host as the session wrote it, and the port. It is printable, and nothing else is known of it. */
  readonly text: string;
  readonly reason: string;
  readonly times: number;
}

/** What sessions asked of the network. Each list is in the order of the first request. */
export interface AskedOf {
  readonly allowed: readonly Asked[];
  /** Denied because no rule allows it: with its entry on the allow list it would have been allowed. */
  readonly denied: readonly Asked[];
  /** Allowed, and not reached. */
  readonly failed: readonly Asked[];
  readonly unusable: readonly Unusable[];
  /** Requests to the model's relay. */
  readonly model: number;
}

/** The characters of an entry that may stand in a file or in a text for people. */
const PLAIN = /^[a-z0-9.:[\]-]{1,262}$/;

/** Counts decisions, by host and port. */
export function askedOf(decisions: Iterable<EgressDecision>): AskedOf {
  const lists = {
    allowed: new Map<string, number>(),
    denied: new Map<string, number>(),
    failed: new Map<string, number>(),
  };
  const unusable = new Map<string, { reason: string; times: number; text: string }>();
  let model = 0;
  for (const row of decisions) {
    if (row.via === "model") {
      model += 1;
      continue;
    }
    const entry = row.verdict === "denied" ? deniedEntry(row) : plainEntry(row);
    if (entry !== undefined) {
      lists[row.verdict].set(entry, (lists[row.verdict].get(entry) ?? 0) + 1);
      continue;
    }
    const text = printable(`${row.host}:${row.port}`, 100);
    const reason = printable(row.reason, 200);
    const key = JSON.stringify([text, reason]);
    const known = unusable.get(key) ?? { text, reason, times: 0 };
    unusable.set(key, { ...known, times: known.times + 1 });
  }
  const list = (map: ReadonlyMap<string, number>) => [...map].map(([entry, times]) => ({ entry, times }));
  return {
    allowed: list(lists.allowed),
    denied: list(lists.denied),
    failed: list(lists.failed),
    unusable: [...unusable.values()],
    model,
  };
}

function deniedEntry({ host, port, reason }: EgressDecision): string | undefined {
  const entry = reason === NOT_ALLOWED ? entryFor(host.toLowerCase(), port) : undefined;
  return entry !== undefined && PLAIN.test(entry) ? entry : undefined;
}

function plainEntry({ host, port }: EgressDecision): string | undefined {
  const text = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`.toLowerCase();
  return PLAIN.test(text) ? text : undefined;
}
