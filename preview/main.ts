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
import { isOnAws, isReadable } from "./parts/stack-file.ts";
import { aheadOf } from "./policy/ahead.ts";
import { type Pack, packIn } from "./policy/pack.ts";
import { type Configs, configsOf, engineFor, finders, headOf, isProgramChanged, putBack, runOf } from "./project.ts";
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
  const options = withOutput(withRecorded(command, "preview", ["both", "drift", "rehearsed", "rights"]))
    .parse()
    .opts<Options>();
  refuseHalfRecorded(command);
  return options;
}

async function documentOf(options: Options): Promise<ChangeDocument> {
  const { stack } = options;
  const base = beside(options);
  const [head] = await Promise.all([headOf(stack), finders()]);
  const isHere = head !== undefined && options.rehearsed !== true && options.events === undefined;
  if (!isHere) base.ask();
  if (head === undefined) {
    const [{ base: text }, run] = await bothOf(base.configs, base.run);
    if (options.destroy) throw new Error(`Pulumi.${stack}.yaml: is removed. ${putBack(stack, options.base)}`);
    const { removedFile } = await import("./removed.ts");
    return removedFile({ stack, base: text, ref: options.base, run, rehearsed: options.rehearsed ?? false });
  }
  if (!isReadable(head)) {
    base.ask();
    const [{ base: text }, run] = await bothOf(base.configs, base.run);
    const { unreadableFile } = await import("./removed.ts");
    return unreadableFile({ stack, base: text, head, run, rehearsed: options.rehearsed ?? false });
  }
  const pack = options.policies && isOnAws(head) ? await packIn(resolve(options.policyPack)) : undefined;
  if (options.events !== undefined && options.state !== undefined)
    return await recorded(options, { events: options.events, state: options.state, head, base, pack });
  const more = {
    secrets: credentialsIn(process.env),
    report: say,
    meanwhile: () => renderers(options),
    drift: options.drift ?? false,
    both: options.both ?? false,
    programChanged: base.isProgramChanged,
    ...(pack ? { pack } : { unjudged: options.policies }),
  };
  const rights = options.rights && isOnAws(head) ? await rightsAsked(options, head) : undefined;
  if (options.rehearsed) {
    const { previewRehearsed } = await import("./rehearsed.ts");
    const [configs, run] = await bothOf(base.configs, base.run);
    return await previewRehearsed({ stack, base: configs.base, head, report: say }, { run, ...more }, rights);
  }
  const before = base.configs.then((configs) => configs.base);
  const calls = async () =>
    await (await import("./rehearsed.ts")).rehearsedCalls({ stack, base: await before, head, report: say });
  const command = commandOf(options);
  const ahead = pack && command === "preview" ? await aheadOf(pack) : undefined;
  try {
    return await previewStack({
      engine: await engineFor(stack, say),
      stack,
      command,
      base: before,
      head,
      run: base.run,
      started() {
        ahead?.start();
        base.ask();
      },
      ...more,
      ...(ahead ? { pack: ahead.pack } : {}),
      ...(rights ? { rights: { ...rights, calls } } : {}),
    });
  } finally {
    ahead?.end();
  }
}

const say = (line: string): void => console.error(line);

const commandOf = ({ destroy }: Options) => (destroy ? ("destroy" as const) : ("preview" as const));

/** What git knows. It is asked beside the engine: a preview would wait for it else. */
interface Beside {
  /** Begins to ask. */
  readonly ask: () => void;
  readonly configs: Promise<Configs>;
  readonly run: ReturnType<typeof runOf>;
  /** False without --both, which alone needs it. */
  readonly isProgramChanged: Promise<boolean>;
}

function beside({ stack, base, both }: Options): Beside {
  let ask = (): void => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const answers = {
    configs: asked.then(() => configsOf(stack, base)),
    run: asked.then(() => runOf(base)),
    isProgramChanged: asked.then(() => both === true && isProgramChanged(base)),
  };
  // Whoever waits for one sees its error; before that it must not end this process.
  for (const answer of Object.values(answers)) answer.catch(() => {});
  return { ask, ...answers };
}

/** The document of a preview that is there already. */
async function recorded(
  options: Options,
  given: {
    readonly events: string;
    readonly state: string;
    readonly head: string;
    readonly base: Beside;
    readonly pack: Pack | undefined;
  },
): Promise<ChangeDocument> {
  const { events, head, pack } = given;
  const { Collector } = await import("./events/merge.ts");
  const collector = await eventsFrom(events, new Collector());
  const state = await readFile(given.state, "utf8");
  const [{ base }, run] = await bothOf(given.base.configs, given.base.run);
  const { buildDocument } = await import("./change-set/build.ts");
  return buildDocument({
    stack: options.stack,
    command: commandOf(options),
    collected: collector.finish(),
    state,
    base,
    head,
    run,
    secrets: credentialsIn(process.env),
    ...(pack ? { policySettings: pack.settings } : { unjudged: options.policies }),
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
