/** Reads what `pulumi up --json` and `pulumi destroy --json` did, from the engine's events, one a line. */
import { z } from "zod";

const eventSchema = z.looseObject({
  resourcePreEvent: z.object({ metadata: z.object({ op: z.string(), urn: z.string(), type: z.string() }) }).optional(),
  diagnosticEvent: z.object({ severity: z.string(), message: z.string() }).optional(),
});

/** One thing that was done to one resource. */
export interface Step {
  readonly op: string;
  /** The provider's token, such as `aws:ec2/instance:Instance`. */
  readonly type: string;
  readonly name: string;
}

export interface Done {
  readonly steps: readonly Step[];
  /** Messages of what went wrong. */
  readonly errors: readonly string[];
}

export function readEvents(stdout: string): Done {
  const steps: Step[] = [];
  const errors: string[] = [];
  for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
    const { resourcePreEvent, diagnosticEvent } = eventSchema.parse(JSON.parse(line));
    if (resourcePreEvent) {
      const { op, type, urn } = resourcePreEvent.metadata;
      steps.push({ op, type, name: urn.split("::").at(-1) ?? "" });
    }
    if (diagnosticEvent?.severity === "error") errors.push(diagnosticEvent.message.trim());
  }
  return { steps, errors };
}

/** Changes of resources of AWS, in words: `replaced instance one, updated group workers`. */
export function inWords({ steps }: Done): string {
  const verbs: Readonly<Record<string, string>> = {
    create: "created",
    update: "updated",
    delete: "deleted",
    replace: "replaced",
    "create-replacement": "",
    "delete-replaced": "",
  };
  const said = steps.flatMap(({ op, type, name }) => {
    const verb = verbs[op];
    return verb && type.startsWith("aws:") ? [`${verb} ${type.split(":").at(-1)} ${name}`] : [];
  });
  return said.length > 0 ? said.join(", ") : "nothing";
}

/** Number of created resources by type. */
export function created({ steps }: Done): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op, type } of steps) {
    if (op !== "create" || !type.startsWith("aws:")) continue;
    const short = type.split(":").at(-1) ?? type;
    counts[short] = (counts[short] ?? 0) + 1;
  }
  return counts;
}
