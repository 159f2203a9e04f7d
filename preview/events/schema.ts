/**
 * The parts of the engine's events that we read (Pulumi, sdk/go/common/apitype/events.go). New versions may add others.
 */
import { z } from "zod";

export const stateSchema = z.object({
  type: z.string(),
  urn: z.string(),
  id: z.string().default(""),
  parent: z.string().default(""),
  protect: z.boolean().default(false),
  retainOnDelete: z.boolean().default(false),
  inputs: z.custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null).default({}),
});

const stepSchema = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string(),
  old: stateSchema.nullish(),
  new: stateSchema.nullish(),
  keys: z.array(z.string()).nullish(),
  diffs: z.array(z.string()).nullish(),
  detailedDiff: z
    .record(z.string(), z.object({ diffKind: z.string(), inputDiff: z.boolean().default(false) }))
    .nullish(),
});

const severity = z.string();

/** The rules of a pack that say something about a resource, or about the whole stack. */
const policySummarySchema = z.object({
  policyPackName: z.string(),
  passed: z.array(z.string()).nullish(),
  failed: z.array(z.string()).nullish(),
});

export const eventSchema = z.object({
  sequence: z.number().default(0),
  resourcePreEvent: z.object({ metadata: stepSchema }).optional(),
  resOpFailedEvent: z.object({ metadata: stepSchema }).optional(),
  diagnosticEvent: z.object({ urn: z.string().default(""), message: z.string(), severity }).optional(),
  policyEvent: z
    .object({
      resourceUrn: z.string().default(""),
      message: z.string(),
      policyName: z.string(),
      policyPackName: z.string(),
      enforcementLevel: z.string(),
      severity: z.string().default(""),
    })
    .optional(),
  policyAnalyzeSummaryEvent: policySummarySchema.optional(),
  policyAnalyzeStackSummaryEvent: policySummarySchema.optional(),
  summaryEvent: z
    .object({
      durationSeconds: z.number().default(0),
      resourceChanges: z.record(z.string(), z.number()).default({}),
      result: z.string().default("succeeded"),
    })
    .optional(),
});

export type EngineState = z.infer<typeof stateSchema>;
export type EngineStep = z.infer<typeof stepSchema>;
export type EngineEvent = z.infer<typeof eventSchema>;
export type PolicySummary = z.infer<typeof policySummarySchema>;
