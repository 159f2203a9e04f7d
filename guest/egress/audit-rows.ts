import { z } from "zod";
import type { CountedRow } from "./audit-counts.ts";
import type { EgressDecision } from "./decision.ts";

const verdict = z.enum(["allowed", "denied", "failed"]);

const Decision: z.ZodType<EgressDecision> = z.object({
  time: z.string(),
  session: z.string(),
  host: z.string(),
  port: z.number(),
  via: z.enum(["http", "connect", "socks", "model"]),
  verdict,
  reason: z.string(),
  method: z.string().exactOptional(),
  path: z.string().exactOptional(),
});

const Counted: z.ZodType<CountedRow> = z.object({
  time: z.string(),
  session: z.string(),
  verdict,
  counted: z.number(),
  since: z.string(),
  hosts: z.array(z.tuple([z.string(), z.number()])).readonly(),
  others: z.number(),
});

/** Reads one line of the audit log; undefined when it is no row. */
export function parseAuditRow(line: string): EgressDecision | CountedRow | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const counted = Counted.safeParse(value);
  return counted.success ? counted.data : Decision.safeParse(value).data;
}
