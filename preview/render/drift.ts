import type { PhrasingContent } from "mdast";
import type { ChangeDocument, Drift, Drifted } from "../change-set/document.ts";
import { shortType } from "../change-set/names.ts";
import { type Level, valueText } from "./changes.ts";
import { type Block, code, details, list, names, paragraph, plural, say, strong, table, words } from "./tree.ts";

/** `none`, `3 found`, `not known`; undefined when it was not looked up. */
export function driftCell({ drift }: ChangeDocument): string | undefined {
  if (drift === null) return undefined;
  if (drift.result !== "succeeded") return "not known";
  return drift.found.length === 0 ? "none" : `${drift.found.length.toLocaleString("en")} found`;
}

/** `2 gone, 1 added, 3 changed`. */
export function driftCounts({ found }: Drift): string {
  return (["gone", "added", "changed"] as const)
    .map((is) => [is, found.filter((one) => one.is === is).length] as const)
    .filter(([, count]) => count > 0)
    .map(([is, count]) => `${count.toLocaleString("en")} ${is}`)
    .join(", ");
}

/** How the account differs from the stack's state. */
export function driftBlocks({ drift, command }: ChangeDocument, level: Level): Block[] {
  if (drift === null) return [];
  const { found, looked, blind, result } = drift;
  const isKnown = result === "succeeded";
  if (!isKnown && found.length === 0)
    return [paragraph(strong(say("Drift")), say(": not known, the engine did not come to the end of its look."))];
  const reach = `${plural(looked, "resource")} looked at${blind > 0 ? `; ${blind} cannot be looked at` : ""}.`;
  if (found.length === 0)
    return [paragraph(strong(say("Drift")), say(`: none. ${reach}`)), ...varyBlocks(drift, level)];
  const most = [100, 60, 30, 15, 5][level] ?? 5;
  const rows = found
    .slice(0, most)
    .map((one) => [
      [strong(say(one.is === "added" ? "added by somebody" : one.is))],
      [
        words(`${shortType(one.type)} `),
        code(one.name, 80),
        ...(one.component ? [say(" of "), code(one.component, 80)] : []),
      ],
      whatOf(one, level),
    ]);
  if (found.length > most) rows.push([[say(`and ${found.length - most} more`)], [say("")], [say("")]]);
  const isAlone = command === "drift";
  return [
    paragraph(strong(say(`Drift: ${driftCounts(drift)}`)), say(`. ${reach}${isKnown ? "" : " There may be more."}`)),
    table(["is", "what", "as the stack left it → as it is"], rows),
    ...(isAlone
      ? [
          paragraph(
            say("To take it back: "),
            code("npm run pulumi -- up --refresh"),
            say(". To keep it: write it into the configuration or the program, and deploy that."),
          ),
        ]
      : [paragraph(say("The changes here do not take it back: a deploy goes by the state."))]),
    ...varyBlocks(drift, level),
  ];
}

function whatOf({ is, what, id, properties }: Drifted, level: Level): PhrasingContent[] {
  if (is === "added") return [code(what, 160)];
  if (is === "gone") return id === "" ? [say("")] : [code(id, 120)];
  const most = level >= 2 ? 3 : 10;
  const shown = properties
    .slice(0, most)
    .flatMap(({ path, before, after }, i): PhrasingContent[] => [
      ...(i > 0 ? [say("; ")] : []),
      code(path, 80),
      say(" "),
      ...value(before, level),
      say(" → "),
      ...value(after, level),
    ]);
  return properties.length > most ? [...shown, say(` and ${properties.length - most} more`)] : shown;
}

const value = (shown: Drifted["properties"][0]["before"], level: Level): PhrasingContent[] =>
  "value" in shown ? [code(shown.value || '""', level >= 2 ? 40 : 120)] : [say(valueText(shown))];

/** What differs and is no drift, by its reason. */
function varyBlocks({ varies }: Drift, level: Level): Block[] {
  if (varies.length === 0 || level >= 3) return [];
  const reasons = new Map<string, string[]>();
  for (const { on, path, reason } of varies) {
    const key = `${path}\n${reason}`;
    reasons.set(key, [...(reasons.get(key) ?? []), on]);
  }
  const items = [...reasons].slice(0, 20).map(([key, all]): PhrasingContent[] => {
    const [path = "", reason = ""] = key.split("\n");
    return [code(path, 80), say(" of "), ...names(all, 6, 80), say(": "), words(reason)];
  });
  return [details(`Not drift: ${plural(varies.length, "difference")}`, list(items))];
}
