/**
 * `npm run deploy -- --stack dev --approved DIGEST:STATE:BASE`: deploys what was approved in a preview's comment, and refuses
 * before the first change when anything has moved. See docs/changes.md.
 */
import { resolve } from "node:path";
import { Command } from "commander";
import { isOnAws } from "../parts/stack-file.ts";
import { packIn } from "../policy/pack.ts";
import { engineFor, presentConfigsOf, runOf } from "../project.ts";
import { verdictText } from "../render/verdict.ts";
import { credentialsIn } from "../secrets/environment.ts";
import { readApproval } from "./approval.ts";
import { deploy } from "./deploy.ts";

interface Options {
  readonly stack: string;
  readonly approved: string;
  readonly base: string;
  readonly anyState?: boolean;
  readonly policyPack: string;
  readonly policies: boolean;
}

async function main(): Promise<void> {
  const options = new Command("npm run deploy --")
    .description(
      "Deploys what was approved. Exit code 0: deployed. 3: refused, nothing was changed. 1: failed on its way.",
    )
    .requiredOption("--stack <name>", "the stack, whose file is Pulumi.<name>.yaml")
    .requiredOption("--approved <approval>", "the last line of the preview's comment: DIGEST:STATE:BASE")
    .option("--base <ref>", "the base with which the approved preview was compared", "HEAD")
    .option("--any-state", "takes the changes as approved on whatever state they are the same")
    .option("--policy-pack <folder>", "the pack whose policies judge", "policy")
    .option("--no-policies", "asks no policies")
    .parse()
    .opts<Options>();
  const approval = readApproval(options.approved, options.anyState);
  const { stack } = options;
  const report = (line: string): void => console.error(line);
  const { base, head } = await presentConfigsOf(stack, options.base);
  const pack = options.policies && isOnAws(head) ? await packIn(resolve(options.policyPack)) : undefined;
  const engine = await engineFor(stack, report);
  const run = await runOf(options.base);
  const secrets = credentialsIn(process.env);
  const all = {
    engine,
    stack,
    base,
    head,
    run,
    secrets,
    report,
    ...(pack ? { pack } : { unjudged: options.policies }),
  };
  const done = await deploy(all, approval);
  console.log(verdictText(done.document));
  if (done.is === "deployed" || done.is === "nothing to do") {
    console.log(`${stack}: ${done.is}`);
    return;
  }
  for (const reason of done.because) console.error(`${done.is}: ${reason}`);
  console.error(
    done.is === "refused"
      ? "Nothing was changed. Preview again, and approve what it shows: npm run preview"
      : "The deploy stopped on its way. Preview again: what is still to do shows there.",
  );
  process.exitCode = done.is === "refused" ? 3 : 1;
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
