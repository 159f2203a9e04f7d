/**
 * `npm run preview:comment -- --document change.json --stack dev --pull 12`: shows a document in a pull or merge request. The
 * document comes from a job that ran the change's own code: it is checked, and shown as data. See docs/changes.md.
 */
import { readFile, stat } from "node:fs/promises";
import { Command, Option } from "commander";
import { documentSchema } from "../change-set/document.ts";
import type { Forge } from "./forge.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { publish } from "./publish.ts";

/** Bytes of the largest document that is read. */
const MOST = 32 << 20;

interface Options {
  readonly document: string;
  readonly stack: string;
  readonly pull: number;
  readonly forge: "github" | "gitlab";
  readonly as?: string;
}

const command = new Command("npm run preview:comment --")
  .description("Shows a preview's document as the one comment of its stack. The token comes from the environment.")
  .requiredOption("--document <file>", "change.json of `npm run preview -- --out`")
  .requiredOption("--stack <name>", "the stack that the document must be of")
  .requiredOption("--pull <number>", "the pull or merge request, as the forge's event names it", (text: string) => {
    if (!/^[1-9]\d{0,9}$/.test(text)) command.error(`--pull: ${JSON.stringify(text)} is no number`);
    return Number(text);
  })
  .addOption(new Option("--forge <name>", "where it is").choices(["github", "gitlab"]).default("github"))
  .option("--as <login>", "who the token is; default on GitHub: github-actions[bot]");

function forgeOf({ forge, pull, as }: Options, env: NodeJS.ProcessEnv): Forge {
  const need = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set`);
    return value;
  };
  const api = env["GITHUB_API_URL"];
  if (forge === "github") {
    const repository = need("GITHUB_REPOSITORY");
    return github({
      repository,
      pull,
      token: need("GITHUB_TOKEN"),
      ...(api ? { api } : {}),
      ...(as ? { self: as } : {}),
    });
  }
  if (!as) throw new Error("--as is needed on GitLab: the user name of the project's access token");
  const project = need("CI_PROJECT_ID");
  return gitlab({
    api: need("CI_API_V4_URL"),
    project,
    mergeRequest: pull,
    token: need("CLOISTER_COMMENT_TOKEN"),
    self: as,
  });
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const { size } = await stat(options.document);
  if (size > MOST) throw new Error(`${options.document}: has ${size} bytes, and may have ${MOST}`);
  const parsed = documentSchema.safeParse(JSON.parse(await readFile(options.document, "utf8")));
  if (!parsed.success) {
    const some = parsed.error.issues.slice(0, 10).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(`${options.document}: is no document of a preview:\n${some.join("\n")}`);
  }
  if (parsed.data.stack !== options.stack) throw new Error(`${options.document}: is not of the stack ${options.stack}`);
  console.log(`${options.stack}: ${await publish(forgeOf(options, process.env), parsed.data)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
