/**
 * One decision about the network, as it goes to the audit log. It never contains a header, a query, a body or a key.
 */
export interface EgressDecision {
  /** The time of the decision: ISO 8601 with milliseconds, UTC. */
  readonly time: string;
  readonly session: string;
  /** The host as the session asked for it; `?` where it could not be told. */
  readonly host: string;
  /** The port; 0 where it could not be told. */
  readonly port: number;
  /**
   * `http`: a plain request. `connect`: a tunnel through the HTTP proxy. `socks`: a tunnel through the SOCKS5 proxy.
   * `model`: a request to the model's relay, which decides by the content of a request, not by its destination.
   */
  readonly via: "http" | "connect" | "socks" | "model";
  /** `failed`: it was allowed, as the row before says, and then the host could not be looked up or reached. */
  readonly verdict: "allowed" | "denied" | "failed";
  /** The rule that allowed it, why it was denied, or what failed. */
  readonly reason: string;
  /** The method of a plain HTTP request. */
  readonly method?: string;
  /** The path of a plain HTTP request, without its query. */
  readonly path?: string;
}

/** Host and port of a malformed request, in place of the unknown ones. */
export const UNKNOWN = { host: "?", port: 0 } as const;

/** The reason for a denied host that another entry on the allow list would allow. */
export const NOT_ALLOWED = "not on the allow list";

/** The reason for a request whose client did not say who it is. Java asks so first, and then with the token. */
export const NO_TOKEN = "wrong or missing proxy token";

/**
 * Returns the hosts with such a verdict, each once, with its port and the reason. A first try without the token is none
 * when another one was allowed.
 */
export function hostsWith(decisions: readonly EgressDecision[], verdict: EgressDecision["verdict"]): readonly string[] {
  const place = ({ host, port }: EgressDecision) => `${host}:${port}`;
  const allowed = new Set(decisions.flatMap((row) => (row.verdict === "allowed" ? [place(row)] : [])));
  const asked = decisions.flatMap((row) =>
    row.verdict === verdict && !(row.reason === NO_TOKEN && allowed.has(place(row)))
      ? [`${place(row)} (${row.reason})`]
      : [],
  );
  return [...new Set(asked)];
}

/** The most of each text that goes into a row. A host name has at most 255 bytes. */
const LIMITS = { host: 255, reason: 512, method: 32, path: 1024 } as const;

/**
 * Makes a row with the current time. A session chooses most of these texts: they are made printable, and none is longer
 * than its limit.
 */
export function auditRow(decision: Omit<EgressDecision, "time">): EgressDecision {
  const { host, reason, method, path, ...rest } = decision;
  return {
    time: new Date().toISOString(),
    ...rest,
    host: printable(host, LIMITS.host),
    reason: printable(reason, LIMITS.reason),
    ...(method === undefined ? {} : { method: printable(method, LIMITS.method) }),
    ...(path === undefined ? {} : { path: printable(path, LIMITS.path) }),
  };
}

/** Nothing in a text may end a line or move a terminal's cursor. */
export function printable(text: string, limit: number): string {
  return text.slice(0, limit).replace(/[^\x20-\x7e]/g, "?");
}
