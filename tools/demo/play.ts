import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { ChangeDocument } from "../../preview/change-set/document.ts";
import type { Ran, World } from "./world.ts";

/** What was seen in the demo. */
export interface Seen {
  /** First lines of the comments, in the order in which they were written. */
  readonly verdicts: readonly string[];
  /** Comments that are at the forge in the end. */
  readonly comments: readonly { readonly pull: number | undefined; readonly body: string }[];
  readonly deploys: readonly {
    readonly exitCode: number | undefined;
    readonly changed: number;
    readonly said: string;
  }[];
  /** Pages that are left. */
  readonly pages: readonly string[];
}

/** Values that one edit gives to keys of the stack's configuration, by path below `config`. */
type Edit = readonly (readonly [path: readonly string[], value: unknown])[];

/**
 * Plays the life of two pull requests: one that would lose a disk, takes the remedy and is deployed, and one that was approved
 * before that and is refused.
 *
 * @param kept folder for the pages, which stay
 */
export async function play(world: World, kept: string, say: (line: string) => void): Promise<Seen> {
  const verdicts: string[] = [];
  const pages: string[] = [];
  const deploys: Seen["deploys"][number][] = [];

  const command = (line: string): void => say(`  $ ${line}`);
  const told = (text: string): void => {
    for (const line of text.split("\n").filter(Boolean)) say(`    ${line}`);
  };
  const must = (ran: Ran, what: string): Ran => {
    if (ran.exitCode !== 0) throw new Error(`${what} ended with ${ran.exitCode}:\n${ran.stderr}\n${ran.stdout}`.trim());
    return ran;
  };
  const commit = async (edit: Edit, message: string): Promise<void> => {
    const document = parseDocument(await world.readStack());
    for (const [path, value] of edit) {
      if (value === null) document.deleteIn(["config", ...path]);
      else document.setIn(["config", ...path], document.createNode(value));
    }
    await world.writeStack(document.toString());
    await world.git("commit", "--quiet", "--all", `--message=${message}`);
    await world.git("push", "--quiet", "origin", "HEAD");
    const diff = await world.git("show", "--format=", "--unified=0", "HEAD");
    told([message, ...diff.split("\n").filter((line) => /^[+-] /.test(line))].join("\n"));
  };
  /** Previews what is checked out, and shows it in a pull request, as the two jobs of the workflow do. */
  const preview = async (pull: number, name: string): Promise<ChangeDocument> => {
    const out = join(kept, name);
    command("npm run preview -- --stack dev --base origin/main --out OUT");
    must(await world.npm("preview", "--stack", "dev", "--base", "origin/main", "--out", out), "the preview");
    command(`npm run preview:comment -- --document OUT/change.json --stack dev --pull ${pull}`);
    const file = join(out, "change.json");
    const args = ["--document", file, "--stack", "dev", "--pull", String(pull), "--as", "bot"];
    must(await world.npm("preview:comment", ...args), "the comment");
    const verdict = firstLine(commentOf(world, pull));
    verdicts.push(verdict);
    pages.push(join(out, "page.html"));
    told(verdict);
    return JSON.parse(await readFile(file, "utf8")) as ChangeDocument;
  };
  const approvalIn = (pull: number): string => {
    const [, approval = ""] = /^To approve: `([0-9a-f:]+)`/m.exec(commentOf(world, pull)) ?? [];
    if (approval === "") throw new Error(`the comment of pull request ${pull} has nothing to approve`);
    return approval;
  };
  /** Merges as the forge does, and deploys as the workflow does. */
  const deploy = async (pull: number, branch: string, approved: string, wanted: 0 | 3): Promise<void> => {
    await world.git("switch", "--quiet", "main");
    await world.git("merge", "--quiet", "--no-ff", `--message=Merge pull request ${pull}`, branch);
    await world.git("push", "--quiet", "origin", "main");
    command(`npm run deploy -- --stack dev --base HEAD^ --approved ${approved}`);
    const before = await world.changingCalls();
    const { exitCode, stdout, stderr } = await world.npm(
      "deploy",
      "--stack",
      "dev",
      "--base",
      "HEAD^",
      "--approved",
      approved,
    );
    const changed = (await world.changingCalls()) - before;
    const said = `${stdout}\n${stderr}`;
    deploys.push({ exitCode, changed, said });
    told(
      exitCode === 0
        ? stdout
        : said
            .split("\n")
            .filter((line) => /^refused|^Nothing|^failed/.test(line))
            .join("\n"),
    );
    if (exitCode !== wanted || (wanted === 3 && changed > 0))
      throw new Error(`the deploy ended with ${exitCode}:\n${said}`);
    say(`    exit code ${exitCode}; ${changed} calls of AWS's API changed something`);
  };

  say("1. The stack dev is brought up from main.");
  command("pulumi up --stack dev");
  must(
    await world.npm("pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"),
    "the first up",
  );

  say("2. Pull request 1 renames a machine: one becomes build.");
  await world.git("switch", "--quiet", "--create", "rename");
  const edit: Edit = [
    [["cloister:machines", "one"], null],
    [["cloister:machines", "build"], {}],
  ];
  await commit(edit, "Call the machine build");
  const lost = await preview(1, "pull-1-loses-a-disk");

  say("3. The comment offers what keeps the disk, and has tried it. The author takes it.");
  const remedy = lost.renames[0]?.remedy;
  if (!remedy) throw new Error("the preview of a rename offers no remedy");
  const { build } =
    (parseDocument(remedy.config).toJS() as Record<string, Record<string, unknown>>)["cloister:machines"] ?? {};
  await commit([[["cloister:machines", "build"], build]], "Keep the disk");
  await preview(1, "pull-1-keeps-the-disk");

  say("4. Meanwhile pull request 2 keeps logs for longer, and is approved.");
  await world.git("switch", "--quiet", "--create", "logs", "origin/main");
  await commit([[["cloister:logRetentionDays"], 30]], "Keep logs for a month");
  await preview(2, "pull-2-logs");
  const early = approvalIn(2);
  told(`approved: ${early}`);

  say("5. Pull request 1 is approved, merged and deployed.");
  const approved = approvalIn(1);
  told(`approved: ${approved}`);
  await deploy(1, "rename", approved, 0);

  say("6. Pull request 2 is merged. Its approval is of a world that is gone: the deploy is refused.");
  await deploy(2, "logs", early, 3);

  const comments = world.forge.notes.map(({ pull, body }) => ({ pull, body }));
  return { verdicts, comments, deploys, pages };
}

/** The body of the one comment of a pull request. */
function commentOf(world: World, pull: number): string {
  const found = world.forge.notes.filter((note) => note.pull === pull);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`pull request ${pull} has ${found.length} comments, and not one`);
  return only.body;
}

/** The line that people read who read nothing else; before it is only the mark. */
const firstLine = (body: string): string => /^### (.*)$/m.exec(body)?.[1] ?? "";
