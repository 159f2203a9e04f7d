/**
 * `npm run drift:issue -- --document change.json --stack prod`: keeps the one issue of a stack about drift. The document
 * comes from a job that could read the account: this one can only write issues. See docs/drift.md.
 */
import { Command, Option } from "commander";
import { reportDrift } from "./drift-issue.ts";
import { githubIssues, gitlabIssues, type Issues } from "./issues.ts";
import { needed, readDocument } from "./read.ts";

interface Options {
  readonly document: string;
  readonly stack: string;
  readonly forge: "github" | "gitlab";
  readonly as?: string;
}

const command = new Command("npm run drift:issue --")
  .description("Keeps the one issue of a stack about drift. The token comes from the environment.")
  .requiredOption("--document <file>", "change.json of `npm run drift -- --out`")
  .requiredOption("--stack <name>", "the stack that the document must be of")
  .addOption(new Option("--forge <name>", "where it is").choices(["github", "gitlab"]).default("github"))
  .option("--as <login>", "who the token is; default on GitHub: github-actions[bot]");

function issuesOf({ forge, as }: Options, env: NodeJS.ProcessEnv): Issues {
  const api = env["GITHUB_API_URL"];
  if (forge === "github")
    return githubIssues({
      repository: needed(env, "GITHUB_REPOSITORY"),
      token: needed(env, "GITHUB_TOKEN"),
      ...(api ? { api } : {}),
      ...(as ? { self: as } : {}),
    });
  if (!as) throw new Error("--as is needed on GitLab: the user name of the project's access token");
  return gitlabIssues({
    api: needed(env, "CI_API_V4_URL"),
    project: needed(env, "CI_PROJECT_ID"),
    token: needed(env, "CLOISTER_COMMENT_TOKEN"),
    self: as,
  });
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const document = await readDocument(options.document, options.stack);
  console.log(`${options.stack}: ${await reportDrift(issuesOf(options, process.env), document)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
