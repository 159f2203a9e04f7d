/** A preview without any account: the base is brought up against a stand-in for AWS, and the change is previewed on it. */

import { parseDocument } from "yaml";
import { type PinnedAmi, withAmi } from "../infra/aws/machines/pin-ami.ts";
import { IMAGES } from "../rehearsal/moto.ts";
import { Rehearsal } from "../rehearsal/rehearsal.ts";
import type { ChangeDocument } from "./change-set/document.ts";
import type { Engine } from "./engine.ts";
import type { RehearsedCall } from "./rights/missing.ts";
import { type PreviewOptions, previewStack } from "./run.ts";
import { stateFile } from "./state-file.ts";

/** Two configurations of one stack, as texts of Pulumi.STACK.yaml. The first may be empty: there was no such stack. */
export interface Versions {
  readonly stack: string;
  readonly base: string;
  readonly head: string;
  readonly report?: (line: string) => void;
}

/** The rehearsal's engine, as previews want it. */
export function rehearsedEngine({ engine }: Rehearsal): Engine {
  return {
    async *lines(args, env) {
      const { stdout } = await engine.run(args, { ...env });
      yield* stdout.split("\n");
    },
    async text(args) {
      const { exitCode, stdout, all } = await engine.run(args);
      if (exitCode !== 0) throw new Error(all);
      return stdout;
    },
    async stateFile(stack) {
      return await stateFile(engine.env["PULUMI_BACKEND_URL"], stack);
    },
  };
}

/** The stand-in knows two images. Where the change takes another image, it gets the other one. */
function withKnownImages({ base, head }: Pick<Versions, "base" | "head">): { base: string; head: string } {
  const [one, other] = IMAGES as unknown as readonly [PinnedAmi, PinnedAmi];
  const imageOf = (text: string): unknown => parseDocument(text).getIn(["config", "cloister:ami", "id"]);
  const isOther = base !== "" && imageOf(base) !== imageOf(head);
  return { base: base === "" ? "" : withAmi(base, one), head: withAmi(head, isOther ? other : one) };
}

/** A stack that was brought up as the base has it, with the head's configuration in its file. */
export async function rehearsedStack(
  versions: Versions,
): Promise<{ readonly stack: Rehearsal; readonly base: string; readonly head: string }> {
  const { stack: name, report = () => {} } = versions;
  const stack = await Rehearsal.create({ stack: name });
  try {
    const { base, head } = withKnownImages(versions);
    const file = `Pulumi.${name}.yaml`;
    if (base !== "") {
      report("rehearsing: the base is brought up");
      await stack.engine.write(file, base);
      const { exitCode, all } = await stack.engine.up();
      if (exitCode !== 0) throw new Error(`the base could not be brought up in the rehearsal:\n${all}`);
    }
    await stack.engine.write(file, head);
    return { stack, base, head };
  } catch (error) {
    await stack.dispose();
    throw error;
  }
}

/**
 * Previews a change against the stand-in, and rehearses its deploy.
 *
 * @returns the document's inputs are those of the rehearsal: its state is nobody's
 */
export async function previewRehearsed(
  versions: Versions,
  more: Pick<PreviewOptions, "run" | "secrets" | "pack" | "unjudged" | "drift" | "both" | "meanwhile">,
  rights?: {
    readonly statements: NonNullable<PreviewOptions["rights"]>["statements"];
    readonly from: string;
    readonly region: string;
  },
): Promise<ChangeDocument> {
  const { stack, base, head } = await rehearsedStack(versions);
  try {
    const engine = rehearsedEngine(stack);
    const calls = rights ? async (): Promise<RehearsedCall[]> => await callsOfUp(stack) : undefined;
    return await previewStack({
      engine,
      stack: versions.stack,
      base,
      head,
      rehearsed: true,
      ...more,
      ...(versions.report ? { report: versions.report } : {}),
      ...(rights && calls ? { rights: { ...rights, calls } } : {}),
    });
  } finally {
    await stack.dispose();
  }
}

/** Brings the change up in the rehearsal. All calls since the stack's beginning are needed to make it from nothing. */
async function callsOfUp(stack: Rehearsal): Promise<RehearsedCall[]> {
  const { exitCode, all } = await stack.engine.up();
  if (exitCode !== 0) throw new Error(`the change could not be brought up in the rehearsal:\n${all.slice(-4000)}`);
  return await stack.calls();
}

/** The calls that the deploy of a change needs. */
export async function rehearsedCalls(versions: Versions): Promise<RehearsedCall[]> {
  const { stack } = await rehearsedStack(versions);
  try {
    versions.report?.("rehearsing: the change is brought up");
    return await callsOfUp(stack);
  } finally {
    await stack.dispose();
  }
}
