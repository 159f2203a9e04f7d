import type { BlockContent, PhrasingContent } from "mdast";
import { type ChangeDocument, type DataAtRisk, FATES, type Rename } from "../change-set/document.ts";
import { type Block, block, code, list, names, paragraph, quote, say, strong, table, words } from "./tree.ts";
import { endsPoolDisks, grownDisks, kinds } from "./verdict.ts";

const HEADS: Readonly<Record<DataAtRisk["fate"], string>> = {
  lost: "Data lost",
  unknown: "Perhaps lost",
  orphaned: "Left in the account, out of the stack",
  gone: "Gone already",
  locked: "Locked for everybody",
  shortened: "Kept for a shorter time",
  refused: "Refused",
  "refused-by-aws": "AWS refuses, in the deploy",
  "refused-in-deploy": "Refused, in the deploy",
  loosened: "Loses its protection",
  detached: "Left without a machine",
  reattached: "Moves with its data",
};

/** Fates of which a sum of sizes says nothing: of a disk that cannot shrink, the reason has both. */
const SIZELESS: readonly DataAtRisk["fate"][] = ["loosened", "refused-by-aws", "refused-in-deploy", "locked"];

/** The fates of data. They always come first, and are never left out. */
export function dataBlocks(document: ChangeDocument, isShort: boolean): Block[] {
  return [...fateBlocks(document, isShort), ...growing(document, isShort)];
}

/** No data is at risk where a disk grows, but there is no way back. */
function growing(document: ChangeDocument, isShort: boolean): Block[] {
  const disks = grownDisks(document);
  const groups = new Map<string, string[]>();
  for (const { name, before, after } of disks) {
    const sizes = `${before} to ${after}`;
    groups.set(sizes, [...(groups.get(sizes) ?? []), name]);
  }
  const items = [...groups]
    .slice(0, isShort ? 5 : 20)
    .map(([sizes, all]) => [words(`${sizes}: `), ...names(all, isShort ? 3 : 12, 60)]);
  if (items.length === 0) return [];
  return [paragraph(strong(say("Disks that grow")), say(", and cannot be made smaller again")), list(items)];
}

function fateBlocks(document: ChangeDocument, isShort: boolean): Block[] {
  const { data, result, renames } = document;
  if (data.length === 0) {
    const words =
      result === "succeeded"
        ? "nothing is lost, left behind or kept for a shorter time."
        : "nothing is lost as it stands; the preview stopped before it looked at any.";
    return [
      paragraph(strong(say("Data")), say(`: ${words}`), ...poolDisks(document)),
      ...renames.slice(0, isShort ? 3 : 20).flatMap(renameBlocks),
    ];
  }
  const blocks: Block[] = [];
  const quiet: PhrasingContent[][] = [];
  const loud: BlockContent[] = [];
  const rows: PhrasingContent[][][] = [];
  for (const group of grouped(data).slice(0, isShort ? 40 : Number.POSITIVE_INFINITY)) {
    const { fate, why, also } = group[0] as DataAtRisk;
    const gib = group.reduce((sum, one) => sum + (one.gib ?? 0), 0);
    const what = [
      words(`${kinds(group)}${gib > 0 && !SIZELESS.includes(fate) ? `, ${gib.toLocaleString("en")} GiB` : ""}: `),
      ...names(
        group.map(({ name, id }) =>
          ["lost", "unknown", "orphaned"].includes(fate) ? `${name}${id ? ` (${id})` : ""}` : name,
        ),
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
  const ending = poolDisks(document);
  if (ending.length > 0) blocks.push(paragraph(strong(say("Pools")), say(":"), ...ending));
  for (const rename of renames.slice(0, isShort ? 3 : 20)) blocks.push(...renameBlocks(rename));
  if (renames.length > (isShort ? 3 : 20))
    blocks.push(paragraph(say(`and ${renames.length - (isShort ? 3 : 20)} more renames.`)));
  return blocks;
}

/** Disks that nothing keeps. */
function poolDisks(document: ChangeDocument): PhrasingContent[] {
  if (document.result !== "succeeded" || !endsPoolDisks(document)) return [];
  return [say(" The session disks of pool machines that end are deleted with them; a pool keeps none.")];
}

function summary(data: readonly DataAtRisk[]): PhrasingContent[] {
  const parts = FATES.filter((fate) => fate !== "reattached").flatMap((fate) => {
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
    say(`The new ${kind} `),
    code(to),
    say(" looks like "),
    code(from),
    say(` renamed: ${equal} of ${of} resources differ in nothing but the name.`),
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
            ? "To keep the disk with its machine, go back to the old name."
            : "A pool keeps nothing that the new one could take over: its machines end, and their session disks are deleted. Go back to the old name to keep its machines.",
        ),
      ),
    ];
  }
  return [
    head,
    paragraph(
      say(
        `To keep the disk, go back to the old name, or write whose successor it is, as below. That was tried with a preview of its own: no data is lost or left behind; ${remedy.deleted} resources deleted, ${remedy.replaced} replaced.`,
      ),
    ),
    block(remedy.config),
  ];
}
