import { buildDocument, type Inputs } from "./change-set/build.ts";
import type { ChangeDocument } from "./change-set/document.ts";
import type { Collected } from "./events/merge.ts";

/**
 * The document of a change that removes a stack's file. Nothing is deleted then: the stack stays deployed, goes on to
 * cost, and no preview, deploy or look for drift knows it any more.
 */
export function removedFile(stack: string, base: string, run: NonNullable<Inputs["run"]>): ChangeDocument {
  const message = `Pulumi.${stack}.yaml is removed, and the stack is not: it stays in the account with all its data, goes on to cost, and nothing looks after it any more. Destroy it first (npm run preview -- --stack ${stack} --destroy shows what goes), then remove its file.`;
  const collected: Collected = {
    resources: [],
    diagnostics: [{ severity: "error", urn: "", message }],
    policies: [],
    policyCounts: [],
    packsWithStack: [],
    packs: [],
    result: "failed",
    doubts: [],
  };
  return buildDocument({ stack, command: "preview", collected, state: "{}", base, head: "", run });
}
