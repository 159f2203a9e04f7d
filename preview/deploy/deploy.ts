import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { ChangeDocument } from "../change-set/document.ts";
import { readState } from "../change-set/state.ts";
import { STREAM } from "../engine.ts";
import { jsonIn } from "../events/line.ts";
import { type PreviewOptions, previewStack } from "../run.ts";
import { type Approval, movedSince } from "./approval.ts";

/** The result of a deploy. */
export interface Deployed {
  /** `refused`: nothing was changed. `failed`: something may have been. */
  readonly is: "deployed" | "nothing to do" | "refused" | "failed";
  readonly because: readonly string[];
  readonly document: ChangeDocument;
}

const eventSchema = z.object({
  resourcePreEvent: z
    .object({ planning: z.boolean().default(false), metadata: z.object({ op: z.string(), urn: z.string() }) })
    .optional(),
  diagnosticEvent: z.object({ severity: z.string(), message: z.string() }).optional(),
  summaryEvent: z.object({ isPreview: z.boolean().default(false), result: z.string().default("succeeded") }).optional(),
});

/**
 * Deploys what was approved, and nothing else. The change is previewed again. Only if it is the approved one, on the approved
 * state and base, is it applied. The plan of that preview is the seat belt: `up` previews against it once more, and stops
 * before any change when a step is another.
 */
export async function deploy(options: PreviewOptions, approval: Approval): Promise<Deployed> {
  const { engine, stack, pack, report = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), "cloister-deploy-"));
  try {
    const plan = join(folder, "plan.json");
    report("previewing again");
    const document = await previewStack({ ...options, savePlan: plan });
    const moved = movedSince(approval, document);
    if (moved.length > 0) return { is: "refused", because: moved, document };
    const { replaced, deleted, updated, created } = document.counts;
    const isEmpty = document.changes.length === 0 && replaced + deleted + updated + created === 0;
    if (isEmpty) return { is: "nothing to do", because: [], document };
    // The engine does not hold a plan against the state that it was made on: this is the last look before its lock.
    const now = readState(await engine.text(["stack", "export", "--stack", stack])).sha256;
    if (now !== document.state.sha256)
      return { is: "refused", because: ["the stack's state moved while this was previewed"], document };
    report("deploying");
    const judged = pack ? ["--policy-pack", pack.folder] : [];
    const args = ["up", "--yes", "--json", "--stack", stack, "--plan", plan, ...judged];
    const done = await followed(engine.lines(args, { ...STREAM, ...pack?.env }), report);
    if (done.result === "succeeded") return { is: "deployed", because: [], document };
    const because = done.errors.length > 0 ? done.errors : ["the engine ended without a result: look at the stack"];
    return { is: done.began ? "failed" : "refused", because, document };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Followed {
  /** The result of the `up` itself, not of its preview. */
  readonly result: string | undefined;
  readonly errors: readonly string[];
  /** Whether the engine came as far as changing something. */
  readonly began: boolean;
}

async function followed(lines: AsyncIterable<string>, report: (line: string) => void): Promise<Followed> {
  let [result, began]: [string | undefined, boolean] = [undefined, false];
  const errors: string[] = [];
  // Steps of the preview come before its summary, and those of the `up` behind it.
  let isPreview = true;
  for await (const line of lines) {
    const parsed = eventSchema.safeParse(jsonIn(line));
    if (!parsed.success) continue;
    const { resourcePreEvent, diagnosticEvent, summaryEvent } = parsed.data;
    if (diagnosticEvent?.severity === "error") errors.push(diagnosticEvent.message.trim());
    if (resourcePreEvent && !isPreview && !resourcePreEvent.planning && resourcePreEvent.metadata.op !== "same") {
      began = true;
      report(
        `${resourcePreEvent.metadata.op} ${resourcePreEvent.metadata.urn.split("::").slice(2).join(" ").replace(/.*\$/, "")}`,
      );
    }
    if (summaryEvent?.isPreview) isPreview = false;
    else if (summaryEvent) result = summaryEvent.result;
  }
  return { result, errors, began };
}
