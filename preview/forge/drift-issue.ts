import type { ChangeDocument } from "../change-set/document.ts";
import { hasDrifted } from "../drift/document.ts";
import { COMMENT_LIMIT, comment } from "../render/markdown.ts";
import { shortened } from "./forge.ts";
import type { Issue, Issues } from "./issues.ts";
import { type Mark, markIn } from "./mark.ts";

/** What became of a stack's issue. */
export type Reported =
  | "opened"
  | "opened again"
  | "updated"
  | "closed"
  | "nothing to say"
  | "a newer look's issue is there";

/**
 * Keeps the one issue of a stack about drift: it is opened when there is drift, has the newest look's findings, and is
 * closed when the drift is gone. The next drift opens it again.
 *
 * @throws Error for a document whose look did not come to its end: it closes nothing, and says nothing of drift
 */
export async function reportDrift(issues: Issues, document: ChangeDocument): Promise<Reported> {
  const { stack, command, complete } = document;
  if (command !== "drift") throw new Error("the document is of a preview, and not of a look for drift");
  if (!complete) throw new Error(`${stack}: the look for drift did not come to its end. Its issue stays as it is`);
  const at = Date.parse(document.at);
  if (Number.isNaN(at)) throw new Error("the document has no time: it cannot be told which look is the newer one");
  const ours = (await issues.list()).flatMap((issue): Ours[] => {
    const mark = issue.author === issues.self ? markIn(issue.body, "drift", stack) : undefined;
    return mark ? [{ issue, mark }] : [];
  });
  if (ours.some(({ mark }) => mark.at > at)) return "a newer look's issue is there";
  // The oldest one stays: of two runs that opened one at once, both see it so.
  const [kept, ...others] = ours.sort(
    (a, b) => Number(b.issue.isOpen) - Number(a.issue.isOpen) || a.issue.number - b.issue.number,
  );
  for (const { issue } of others) if (issue.isOpen) await issues.change(issue.number, { isOpen: false });
  const body = (limit: number): string => comment(document, limit).text;
  const title = `Drift in ${plainName(stack)}`;
  if (!hasDrifted(document)) {
    if (!kept?.issue.isOpen) return "nothing to say";
    await issues.change(kept.issue.number, { body: body(COMMENT_LIMIT), isOpen: false });
    return "closed";
  }
  if (kept === undefined) {
    await shortened(body, async (text) => void (await issues.create(title, text)));
    return "opened";
  }
  const { isOpen, number } = kept.issue;
  await shortened(
    body,
    async (text) => await issues.change(number, { title, body: text, ...(isOpen ? {} : { isOpen: true }) }),
  );
  return isOpen ? "updated" : "opened again";
}

interface Ours {
  readonly issue: Issue;
  readonly mark: Mark;
}

/** A stack's name as a title may have it: nothing in it mentions or links. */
const plainName = (stack: string): string => stack.replace(/[^A-Za-z0-9._-]/g, "_");
