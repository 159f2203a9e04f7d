import { buildDocument, type Inputs } from "./change-set/build.ts";
import type { ChangeDocument } from "./change-set/document.ts";
import type { Collected } from "./events/merge.ts";
import { readConfig } from "./parts/config.ts";

/** A stack whose file a change removes. */
export interface Removed {
  readonly stack: string;
  /** Text of the file at the base. */
  readonly base: string;
  /** The base, as the user names it. */
  readonly ref: string;
  readonly run: NonNullable<Inputs["run"]>;
  /** True for a run without credentials. The document must say so, or no comment takes it. */
  readonly rehearsed: boolean;
}

/**
 * The document of a change that removes a stack's file. Nothing is deleted then: the stack stays deployed, and no preview,
 * deploy or look for drift knows it any more.
 */
export function removedFile({ stack, base, ref, run, rehearsed }: Removed): ChangeDocument {
  const file = `Pulumi.${stack}.yaml`;
  const message = `${file} is removed, and the stack is not: it stays ${placeOf(base)}, and nothing looks after it any more. Put the file back (git checkout ${ref} -- ${file}), look at what goes (npm run preview -- --stack ${stack} --destroy), destroy the stack, and then remove its file.`;
  return unasked(message, { stack, base, head: "", run, rehearsed });
}

/** The document of a change after which a stack's file cannot be read: the engine refuses it without a word in its stream. */
export function unreadableFile({
  stack,
  base,
  head,
  run,
  rehearsed,
}: Omit<Removed, "ref"> & { head: string }): ChangeDocument {
  const message = `Pulumi.${stack}.yaml cannot be read: ${readConfig(head).problem}. Nothing is deployed with it; mend the file.`;
  return unasked(message, { stack, base, head, run, rehearsed });
}

/** A preview that failed before the engine was asked. */
function unasked(message: string, about: Omit<Removed, "ref"> & { head: string }): ChangeDocument {
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
  return buildDocument({ command: "preview", collected, state: "{}", ...about });
}

/** Where a stack is, by its target. A configuration that cannot be read may be of any. */
function placeOf(config: string): string {
  const target = readConfig(config).settings?.target;
  if (target === "aws") return "in the account with all its data, goes on to cost";
  return target === undefined
    ? "where it is with all its data, may go on to cost"
    : "on its computer with all its data";
}
