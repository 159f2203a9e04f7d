/** One decision about the network, as it goes to the audit log: never with a header, a query or a body in it. */
export interface EgressDecision {
  /** When, ISO 8601 with milliseconds, UTC. */
  readonly time: string;
  readonly session: string;
  /** The host as the session asked for it. */
  readonly host: string;
  readonly port: number;
  /** `http`: a plain request. `connect`: a tunnel through the HTTP proxy. `socks`: a tunnel through the SOCKS5 proxy. */
  readonly via: "http" | "connect" | "socks";
  readonly verdict: "allowed" | "denied";
  /** The rule that allowed it, or why it was denied. */
  readonly reason: string;
  /** Of a plain HTTP request. */
  readonly method?: string;
  /** Of a plain HTTP request, without its query. */
  readonly path?: string;
}
