import type { ChangeDocument } from "../change-set/document.ts";
import { COMMENT_LIMIT, comment } from "../render/markdown.ts";
import { type Forge, type Note, shortened } from "./forge.ts";
import { type Mark, markIn } from "./mark.ts";

/** The result of publishing a comment. */
export type Published = "created" | "edited" | "a newer run's comment is there";

/**
 * Shows a document as the one comment of its stack. A comment that shows the same changes is edited. Else a new one is
 * written, and the older ones are removed: an edit has a history, where what leaked stays, and of two runs that edit one
 * comment at once the older may be the last. What an older run writes it removes again.
 */
export async function publish(forge: Forge, document: ChangeDocument): Promise<Published> {
  const own = { at: Date.parse(document.at), shows: "" };
  if (Number.isNaN(own.at)) throw new Error("the document has no time: it cannot be told which run is the newer one");
  const before = ours(await forge.list(), forge.self, document.stack);
  if (before.some(({ mark }) => mark.at > own.at)) return "a newer run's comment is there";
  const body = (limit: number): string => comment(document, limit).text;
  const text = body(COMMENT_LIMIT);
  const same = before.find(({ mark }) => mark.shows === markIn(text, "preview", document.stack)?.shows);
  if (same && before.length === 1) {
    await shortened(body, async (shown) => await forge.edit(same.id, shown));
    return "edited";
  }
  await shortened(body, async (shown) => void (await forge.create(shown)));
  // Also those of runs that wrote at the same time; each run does the same, so that the newest is left.
  const all = ours(await forge.list(), forge.self, document.stack);
  const [newest, ...older] = all.sort((a, b) => b.mark.at - a.mark.at || a.id - b.id);
  for (const { id } of older) await forge.remove(id);
  return newest === undefined || newest.mark.at <= own.at ? "created" : "a newer run's comment is there";
}

/** The comments of a stack that this program wrote. Others may quote a mark; another stack's name may begin with this one's. */
function ours(notes: readonly Note[], self: string, stack: string): { id: number; mark: Mark }[] {
  return notes.flatMap(({ id, body, author }) => {
    const mark = author === self ? markIn(body, "preview", stack) : undefined;
    return mark ? [{ id, mark }] : [];
  });
}
