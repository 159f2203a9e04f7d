/**
 * `npm run preview:comment -- --document change.json --stack dev --pull 12`: shows a document in a pull or merge request. The
 * document comes from a job that ran the change's own code: it is checked, and shown as data. See docs/changes.md.
 */
import { Command, Option } from "commander";
import { type ForgeOptions, onForge } from "./environment.ts";
import { github } from "./github.ts";
import { gitlab, isFromFork } from "./gitlab.ts";
import { publish } from "./publish.ts";
import { pullOf } from "./pull.ts";
import { readDocument, requireRehearsed } from "./read.ts";

interface Options extends ForgeOptions {
  readonly document: string;
  readonly stack: string;
  readonly pull?: number;
  readonly head?: string;
  readonly commit?: string;
  readonly rehearsed?: boolean;
}

const command = new Command("npm run preview:comment --")
  .description("Shows a preview's document as the one comment of its stack. The token comes from the environment.")
  .requiredOption("--document <file>", "change.json of `npm run preview -- --out`")
  .requiredOption("--stack <name>", "the stack that the document must be of")
  .option("--pull <number>", "the pull or merge request, as the forge's event names it", (text: string) => {
    if (!/^[1-9]\d{0,9}$/.test(text)) command.error(`--pull: ${JSON.stringify(text)} is no number`);
    return Number(text);
  })
  .option("--head <owner:branch>", "in place of --pull, for a run of a fork on GitHub: its head, as the event names it")
  .option("--commit <sha>", "the head's commit; with --head")
  .option("--rehearsed", "takes only a document that was previewed against the stand-in, as a fork's is")
  .addOption(new Option("--forge <name>", "where it is").choices(["github", "gitlab"]).default("github"))
  .option("--as <login>", "who the token is; default on GitHub: github-actions[bot]");

/** The pull request that the caller names, or that the forge names for a head. */
async function pullIn({ pull, head, commit, forge }: Options, env: NodeJS.ProcessEnv): Promise<number> {
  if (pull !== undefined && head === undefined) return pull;
  if (pull !== undefined || head === undefined || commit === undefined || forge !== "github")
    throw new Error("write --pull, or on GitHub --head and --commit");
  const api = env["GITHUB_API_URL"];
  const [repository = "", token = ""] = [env["GITHUB_REPOSITORY"], env["GITHUB_TOKEN"]];
  return await pullOf({ repository, token, head, commit, ...(api ? { api } : {}) });
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const document = await readDocument(options.document, options.stack);
  if (document.command === "drift") throw new Error(`${options.document}: is about drift, and no change`);
  const pull = await pullIn(options, process.env);
  const { forge, isFork } = onForge(options, process.env, {
    // On GitHub the job that comments on forks says so itself, by --rehearsed.
    github: (project) => ({ forge: github({ ...project, pull }), isFork: async () => false }),
    gitlab: (project) => {
      const request = { ...project, mergeRequest: pull };
      return { forge: gitlab(request), isFork: async () => await isFromFork(request) };
    },
  });
  if (options.rehearsed || (!document.rehearsed && (await isFork()))) requireRehearsed(document, options.document);
  console.log(`${options.stack}: ${await publish(forge, document)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
