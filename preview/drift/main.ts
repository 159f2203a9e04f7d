/**
 * `npm run drift -- --stack prod`: says how the account differs from what the stack's last deploy left. Exit code 0: no
 * drift, 2: drift, 1: it is not known. See docs/drift.md.
 */
import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { watchStandardStreams } from "../../lib/standard-streams.ts";
import type { ChangeDocument } from "../change-set/document.ts";
import { RefreshCollector } from "../events/refresh.ts";
import { eventsFrom, type RecordedOptions, refuseHalfRecorded, stackName, withRecorded } from "../options.ts";
import { give, type OutputOptions, withOutput } from "../output.ts";
import { engineFor, presentConfigsOf, runOf } from "../project.ts";
import { credentialsIn } from "../secrets/environment.ts";
import { buildDriftDocument, driftOfStack, hasDrifted } from "./document.ts";

interface Options extends OutputOptions, RecordedOptions {
  readonly stack: string;
}

function parsed(): Options {
  const command = new Command("npm run drift --")
    .description("Says how the account differs from what a stack's last deploy left. Exit code 2: it does.")
    .requiredOption("--stack <name>", "the stack, whose file is Pulumi.<name>.yaml", stackName)
    // Wrong use is an error, and no drift.
    .exitOverride();
  const options = withOutput(withRecorded(command, "refresh")).parse().opts<Options>();
  refuseHalfRecorded(command);
  return options;
}

async function documentOf(options: Options): Promise<ChangeDocument> {
  const { stack } = options;
  const { head: config } = await presentConfigsOf(stack, "HEAD");
  const inputs = { stack, config, run: await runOf("HEAD"), secrets: credentialsIn(process.env) };
  if (options.events !== undefined && options.state !== undefined) {
    const collector = await eventsFrom(options.events, new RefreshCollector());
    const state = await readFile(options.state, "utf8");
    return buildDriftDocument({ ...inputs, state, refreshed: collector.finish() });
  }
  const report = (line: string): void => console.error(line);
  return await driftOfStack(await engineFor(stack, report), inputs, report);
}

async function main(): Promise<void> {
  watchStandardStreams();
  const options = parsed();
  const document = await documentOf(options);
  await give(document, options);
  // A look that did not come to its end may have missed the worst.
  process.exitCode = !document.complete ? 1 : hasDrifted(document) ? 2 : 0;
}

main().catch((error: Error) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 1;
    return;
  }
  console.error(error.message);
  process.exitCode = 1;
});
