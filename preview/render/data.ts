import type { BlockContent, PhrasingContent } from "mdast";
import type { ChangeDocument, DataAtRisk, Rename } from "../change-set/document.ts";
import { type Block, block, code, list, names, paragraph, quote, say, strong, table, words } from "./tree.ts";
import { kinds } from "./verdict.ts";

const HEADS: Readonly<Record<DataAtRisk["fate"], string>> = {
  lost: "Data lost",
  orphaned: "Left in the account, out of the stack",
  shortened: "Kept for less",
  refused: "Refused",
  "refused-by-aws": "AWS refuses, in the deploy",
  loosened: "Loses its protection",
  detached: "Left without a machine",
  reattached: "Moves with its data",
};

/** The fates of data. They always come first, and are never left out. */
export function dataBlocks(document: ChangeDocument, isShort: boolean): Block[] {
  const { data, result, renames } = document;
  if (data.length === 0) {
    const words =
      result === "succeeded"
        ? "nothing is lost, left behind or kept for less."
        : "the engine stopped before it came to any.";
    return [paragraph(strong(say("Data")), say(`: ${words}`))];
  }
  const blocks: Block[] = [];
  const quiet: PhrasingContent[][] = [];
  const loud: BlockContent[] = [];
  const rows: PhrasingContent[][][] = [];
  for (const group of grouped(data).slice(0, isShort ? 40 : Number.POSITIVE_INFINITY)) {
    const { fate, why, also } = group[0] as DataAtRisk;
    const gib = group.reduce((sum, one) => sum + (one.gib ?? 0), 0);
    const what = [
      words(`${kinds(group)}${gib > 0 ? `, ${gib.toLocaleString("en")} GiB` : ""}: `),
      ...names(
        group.map(({ name, id }) => (fate === "lost" || fate === "orphaned" ? `${name}${id ? ` (${id})` : ""}` : name)),
        isShort ? 3 : 12,
        isShort ? 60 : 200,
      ),
    ];
    const with_ = also.length > 0 ? [say(" With it goes: "), ...names(also, isShort ? 3 : 12, 60), say(".")] : [];
    if (fate === "reattached")
      quiet.push([
        ...what,
        say(
          `. ${group.length === 1 ? "It leaves" : "They leave"} the old machine and come${group.length === 1 ? "s" : ""} to the new one.`,
        ),
      ]);
    else rows.push([[strong(say(HEADS[fate]))], what, [words(why), ...with_]]);
  }
  const hidden = grouped(data).length - rows.length - quiet.length;
  if (rows.length > 0) {
    loud.push(paragraph(...summary(data)));
    const commands = isShort ? [] : snapshotsOf(data);
    blocks.push(quote(...loud), table(["becomes of data", "what", "why"], rows));
    if (hidden > 0) blocks.push(paragraph(say(`and ${hidden} more kinds of rows.`)));
    if (commands.length > 0)
      blocks.push(paragraph(say("The newest snapshots of disks that go:")), block(commands.join("\n")));
  }
  if (quiet.length > 0) blocks.push(paragraph(strong(say("Data that moves"))), list(quiet));
  for (const rename of renames.slice(0, isShort ? 3 : 20)) blocks.push(...renameBlocks(rename));
  if (renames.length > (isShort ? 3 : 20))
    blocks.push(paragraph(say(`and ${renames.length - (isShort ? 3 : 20)} more renames.`)));
  return blocks;
}

function summary(data: readonly DataAtRisk[]): PhrasingContent[] {
  const parts = (
    ["lost", "orphaned", "shortened", "refused", "refused-by-aws", "loosened", "detached"] as const
  ).flatMap((fate) => {
    const count = new Set(data.filter((one) => one.fate === fate).map(({ urn }) => urn)).size;
    return count > 0 ? [`${HEADS[fate]}: ${count}`] : [];
  });
  return [strong(say(`${parts.join(" · ")}.`))];
}

/** Groups things for which the row would be the same. */
function grouped(data: readonly DataAtRisk[]): DataAtRisk[][] {
  const groups = new Map<string, DataAtRisk[]>();
  for (const one of data) {
    const kind = one.fate === "loosened" ? "" : one.kind;
    const key = JSON.stringify([one.fate, kind, one.fate === "reattached" ? "" : one.why, one.also]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

const MOST_COMMANDS = 5;

function snapshotsOf(data: readonly DataAtRisk[]): string[] {
  const disks = data.filter(({ fate, kind, id }) => fate === "lost" && kind === "disk" && /^vol-[0-9a-f]+$/.test(id));
  return disks
    .slice(0, MOST_COMMANDS)
    .map(({ id }) => `aws ec2 describe-snapshots --owner-ids self --filters Name=volume-id,Values=${id}`);
}

function renameBlocks({ kind, from, to, equal, of, zone, remedy }: Rename): Block[] {
  const head = paragraph(
    code(to),
    say(` looks like ${kind} `),
    code(from),
    say(` by another name: ${equal} of ${of} resources are equal but for it.`),
    ...(zone && zone.before !== zone.after
      ? [
          say(" It would lie in another zone ("),
          code(zone.before),
          say(" → "),
          code(zone.after),
          say("), where its disk cannot follow."),
        ]
      : []),
  );
  if (!remedy) {
    return [
      head,
      paragraph(
        say(
          kind === "machine"
            ? "Leave the name as it was to keep the disk; no other remedy was tried, or none keeps it."
            : "Pools hold no data beyond their machines.",
        ),
      ),
    ];
  }
  return [
    head,
    paragraph(
      say(
        `To keep the disk, leave the name, or say whose successor it is. Tried with a preview of its own: no data is lost or left behind, ${remedy.deleted} deleted, ${remedy.replaced} replaced.`,
      ),
    ),
    block(remedy.config),
  ];
}
