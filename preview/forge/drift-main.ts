/**
 * `npm run drift:issue -- --document change.json --stack prod`: keeps the one issue of a stack about drift. The document
 * comes from a job that could read the account: this one can only write issues. See docs/drift.md.
 */
import { Command, Option } from "commander";
import { reportDrift } from "./drift-issue.ts";
import { type ForgeOptions, onForge } from "./environment.ts";
import { githubIssues, gitlabIssues } from "./issues.ts";
import { readDocument } from "./read.ts";

interface Options extends ForgeOptions {
  readonly document: string;
  readonly stack: string;
}

const command = new Command("npm run drift:issue --")
  .description("Keeps the one issue of a stack about drift. The token comes from the environment.")
  .requiredOption("--document <file>", "change.json of `npm run drift -- --out`")
  .requiredOption("--stack <name>", "the stack that the document must be of")
  .addOption(new Option("--forge <name>", "where it is").choices(["github", "gitlab"]).default("github"))
  .option("--as <login>", "who the token is; default on GitHub: github-actions[bot]");

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const document = await readDocument(options.document, options.stack);
  const issues = onForge(options, process.env, { github: githubIssues, gitlab: gitlabIssues });
  console.log(`${options.stack}: ${await reportDrift(issues, document)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
