import type { ChangeDocument } from "../change-set/document.ts";

/** Hexadecimal digits of each part. The author of a change can choose two of them: so there are enough to find no pair. */
const DIGITS = { digest: 32, state: 32, base: 12 } as const;

/** What was approved. */
export interface Approval {
  readonly digest: string;
  /** Undefined: any state will do, as long as the changes are the same. */
  readonly state?: string;
  /** Undefined when the preview knew no base. */
  readonly base?: string;
}

/** The approval of a document, as its comment has it: `DIGEST:STATE:BASE`. */
export function approvalText({ digest, state, base }: Pick<ChangeDocument, "digest" | "state" | "base">): string {
  const parts = [digest.slice(0, DIGITS.digest), state.sha256.slice(0, DIGITS.state), base.slice(0, DIGITS.base)];
  return parts.filter(Boolean).join(":");
}

/**
 * Reads an approval.
 *
 * @param anyState takes a digest alone
 * @throws Error when it is none
 */
export function readApproval(text: string, anyState = false): Approval {
  const [, digest, state, base] = /^([0-9a-f]{32})(?::([0-9a-f]{32}))?(?::([0-9a-f]{7,12}))?$/.exec(text.trim()) ?? [];
  if (digest === undefined)
    throw new Error(
      `--approved ${JSON.stringify(text.slice(0, 200))}: is no approval. Take it from the comment's last line: DIGEST:STATE:BASE`,
    );
  if (state === undefined && !anyState)
    throw new Error("--approved: names no state. Take the whole of the comment's last line, or say --any-state");
  return { digest, ...(state && !anyState ? { state } : {}), ...(base ? { base } : {}) };
}

/** What has moved since the approval; empty when nothing has. */
export function movedSince(approval: Approval, document: ChangeDocument): string[] {
  const { digest, state, base, complete, doubts, result } = document;
  const differs = (wanted: string | undefined, have: string): boolean =>
    wanted !== undefined && !have.startsWith(wanted);
  return [
    ...(result === "succeeded" ? [] : [`the preview ${result === "failed" ? "fails" : "is not complete"} now`]),
    ...(complete || result !== "succeeded" ? [] : doubts),
    ...(differs(approval.digest, digest)
      ? [`the changes are others: ${digest.slice(0, DIGITS.digest)} and not ${approval.digest}`]
      : []),
    ...(differs(approval.state, state.sha256)
      ? ["the stack's state has moved: something was deployed, refreshed or imported since"]
      : []),
    ...(differs(approval.base, base)
      ? [`the base has moved: ${base.slice(0, DIGITS.base) || "none"} and not ${approval.base}`]
      : []),
  ];
}
