import { existsSync } from "node:fs";

interface Resource {
  readonly type?: string;
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
}

/**
 * Rewrites a state that names a folder of the project which is gone, as earlier versions wrote it: what is below that folder is
 * below today's. Nothing where there is nothing to rewrite.
 *
 * @param text as `pulumi stack export` prints it
 * @param project today's folder, absolute
 */
export function adoptState(
  text: string,
  project: string,
  exists: (path: string) => boolean = existsSync,
): { readonly text: string; readonly from: string } | undefined {
  const state = JSON.parse(text) as { deployment?: { resources?: Resource[] } };
  const gone = (state.deployment?.resources ?? []).flatMap(({ type, inputs }) =>
    type === "command:local:Command" && typeof inputs?.["dir"] === "string" ? [inputs["dir"]] : [],
  );
  const from = gone.find((dir) => dir !== project && !exists(dir));
  if (from === undefined) return undefined;
  return { text: JSON.stringify(moved(state, from, project)), from };
}

/** Paths stand alone, or in the text that a step is given, which is JSON itself. */
function moved(value: unknown, from: string, to: string): unknown {
  if (typeof value === "string") {
    if (value === from || value.startsWith(`${from}/`)) return to + value.slice(from.length);
    const [quotedFrom, quotedTo] = [from, to].map((path) => JSON.stringify(path).slice(1, -1)) as [string, string];
    return value.replaceAll(`"${quotedFrom}/`, `"${quotedTo}/`).replaceAll(`"${quotedFrom}"`, `"${quotedTo}"`);
  }
  if (Array.isArray(value)) return value.map((item) => moved(item, from, to));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, moved(item, from, to)]));
}
