import { canonicalText } from "./canonical.ts";
import type { Change, ChangeDocument } from "./document.ts";

/**
 * The changes of a document that the base makes in the same way, on the same state: something was merged and not deployed,
 * or the program is another one than at the last deploy. They are not this change's.
 *
 * @param base the document of a preview of the base's configuration
 * @returns null when the base's preview did not come to its end: then nothing can be told
 */
export function pendingIn(head: ChangeDocument, base: ChangeDocument): string[] | null {
  if (base.result !== "succeeded" || base.state.sha256 !== head.state.sha256) return null;
  const known = new Map(base.changes.map((one) => [one.urn, alike(one)]));
  return head.changes.filter((one) => known.get(one.urn) === alike(one)).map(({ urn }) => urn);
}

/** Everything of a change but its reasons, which are of the compared configurations. */
function alike({ because: _, ...rest }: Change): string {
  return canonicalText(rest);
}
