import { type EgressDecision, NOT_ALLOWED } from "../../guest/egress/decision.ts";

/** A row of the audit log: a request that no rule allows. */
export const denial = (host: string, port = 443, more: Partial<EgressDecision> = {}): EgressDecision => ({
  time: "",
  session: "a-b-c",
  host,
  port,
  via: "connect",
  verdict: "denied",
  reason: NOT_ALLOWED,
  ...more,
});
