/**
 * `npm run preview -- --stack dev [--base REF]`: shows the effects of a change in this folder on a stack. See
 * docs/changes.md.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { watchStandardStreams } from "../lib/standard-streams.ts";
import type { ChangeDocument } from "./change-set/document.ts";
import { eventsFrom, type RecordedOptions, refuseHalfRecorded, stackName, withRecorded } from "./options.ts";
import { give, type OutputOptions, renderers, withOutput } from "./output.ts";
import { isOnAws } from "./parts/stack-file.ts";
import { packIn } from "./policy/pack.ts";
import { configsOf, engineFor, finders, isProgramChanged, putBack, runOf } from "./project.ts";
import { removedFile } from "./removed.ts";
import { previewStack } from "./run.ts";
import { credentialsIn } from "./secrets/environment.ts";
import { bothOf } from "./steady.ts";

interface Options extends OutputOptions, RecordedOptions {
  readonly stack: string;
  readonly base: string;
  readonly destroy?: boolean;
  readonly drift?: boolean;
  readonly both?: boolean;
  readonly policyPack: string;
  readonly policies: boolean;
  readonly rehearsed?: boolean;
  readonly rights?: boolean;
  readonly deployerPolicy?: readonly string[];
}

function parsed(): Options {
  const command = new Command("preview")
    .description("Shows what a change does to a stack: data first, then machines, resources, rights and cost.")
    .requiredOption("--stack <name>", "the stack, whose file is Pulumi.<name>.yaml", stackName)
    .option(
      "--base <ref>",
      "the commit with which the configuration is compared",
      (text: string) => {
        if (!/^[A-Za-z0-9][A-Za-z0-9_./^~@{}-]*$/.test(text))
          command.error(`--base: ${JSON.stringify(text)} is no commit`);
        return text;
      },
      "HEAD",
    )
    .option("--destroy", "what a destroy would do")
    .option("--both", "previews the base's configuration as well, and says what is not this change's")
    .option("--drift", "looks up as well how the account differs from the stack's state")
    .option("--policy-pack <folder>", "the pack whose policies judge; in CI the base branch's", "policy")
    .option("--no-policies", "asks no policies")
    .option("--rehearsed", "previews against a stand-in for AWS, without any account or credential")
    .option("--rights", "rehearses the deploy, and holds it against the deployer's policy")
    .option(
      "--deployer-policy <file...>",
      "the policies that the deployer has; default: what this folder's program prints",
    );
  const options = withOutput(withRecorded(command, "preview")).parse().opts<Options>();
  refuseHalfRecorded(command);
  return options;
}

async function documentOf(options: Options): Promise<ChangeDocument> {
  const { stack } = options;
  const [{ base, head }, [run]] = await bothOf(
    configsOf(stack, options.base),
    Promise.all([runOf(options.base), finders()]),
  );
  if (head === undefined) {
    if (options.destroy) throw new Error(`Pulumi.${stack}.yaml: is removed. ${putBack(stack, options.base)}`);
    return removedFile({ stack, base, ref: options.base, run, rehearsed: options.rehearsed ?? false });
  }
  const secrets = credentialsIn(process.env);
  const pack = options.policies && isOnAws(head) ? await packIn(resolve(options.policyPack)) : undefined;
  const judged = pack ? { pack } : { unjudged: options.policies };
  const command = options.destroy ? ("destroy" as const) : ("preview" as const);
  if (options.events !== undefined && options.state !== undefined) {
    const { Collector } = await import("./events/merge.ts");
    const collector = await eventsFrom(options.events, new Collector());
    const state = await readFile(options.state, "utf8");
    const { buildDocument } = await import("./change-set/build.ts");
    return buildDocument({
      stack,
      command,
      collected: collector.finish(),
      state,
      base,
      head,
      run,
      secrets,
      ...(pack ? { policySettings: pack.settings } : { unjudged: options.policies }),
    });
  }
  const say = (line: string): void => console.error(line);
  const both = options.both ? { both: true, programChanged: await isProgramChanged(options.base) } : {};
  const drift = { ...(options.drift ? { drift: true } : {}), ...both };
  const more = { run, secrets, report: say, meanwhile: () => renderers(options), ...drift, ...judged };
  const rights = options.rights && isOnAws(head) ? await rightsAsked(options, head) : undefined;
  if (options.rehearsed) {
    const { previewRehearsed } = await import("./rehearsed.ts");
    return await previewRehearsed({ stack, base, head, report: say }, more, rights);
  }
  const calls = async () => await (await import("./rehearsed.ts")).rehearsedCalls({ stack, base, head, report: say });
  const engine = await engineFor(stack, say);
  return await previewStack({
    engine,
    stack,
    command,
    base,
    head,
    ...more,
    ...(rights ? { rights: { ...rights, calls } } : {}),
  });
}

/** The deployer's policies, and where its stacks are. */
async function rightsAsked({ deployerPolicy }: Options, head: string) {
  const { deployerPolicy: made, KNOWN_TYPES } = await import("../infra/aws/access/deployer-policy.ts");
  const { regionOf } = await import("../infra/aws/machines/pin-ami.ts");
  const { readPolicies } = await import("./rights/policy.ts");
  const region = regionOf(head);
  const files = deployerPolicy
    ? Object.fromEntries(
        await Promise.all(deployerPolicy.map(async (file) => [file, await readFile(file, "utf8")] as const)),
      )
    : { "npm run aws:deployer-policy": JSON.stringify(made(KNOWN_TYPES, region)) };
  return { statements: readPolicies(files), from: Object.keys(files).join(", "), region };
}

async function main(): Promise<void> {
  watchStandardStreams();
  const options = parsed();
  const document = await documentOf(options);
  await give(document, options);
  if (document.result !== "succeeded") process.exitCode = 1;
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
