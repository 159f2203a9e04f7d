/** `npm start`: one sealed machine on this computer, verified, and a sealed agent session in it. See README.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { Listr } from "listr2";
import { parse } from "yaml";
import { Report } from "../../contract/report.ts";
import { neutral, neutralValue } from "../../guest/lib/neutral.ts";
import { printReport } from "../../guest/verify/table.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { portProblem } from "../../infra/local/host/port.ts";
import { pathsOf } from "../../infra/local/paths.ts";
import { machineArchitecture } from "../../infra/local/preflight.ts";
import { sshCommand } from "../../infra/local/ssh.ts";
import { parseSettings, type Settings, SettingsError } from "../../infra/settings/settings.ts";
import { whenAskedToStop } from "../../lib/asked-to-stop.ts";
import { cacheRoot } from "../../lib/store.ts";
import { stateFolder } from "../../toolchain/own-backend.ts";
import { isLocked, PROJECT, PulumiError, StackRunner } from "../../toolchain/stack-runner.ts";
import { type FirstSession, firstSession } from "./first-session.ts";
import { placeProblems, sudoHint } from "./place.ts";
import { prepare } from "./prepare.ts";
import { LISTR_OPTIONS, stage } from "./progress.ts";

const STACK = "local";

const options = new Command("npm start --")
  .description("Makes the machine of the stack `local` and lets an agent do a first task in it.")
  .option("--again", "run the first session even when its answer is there already")
  .option("--all-rows", "print every row of the verification, not only those that differ")
  .option("--no-session", "stop when the machine is verified")
  .parse()
  .opts<{ again?: boolean; allRows?: boolean; session: boolean }>();

const STOPPED = "stopped as you asked; run npm start again to go on, or npm run down to take all down";

const startedAt = Date.now();
let interrupted = false;
/** While Pulumi changes the stack: it is told to stop, and ends in its own time. */
let changing = false;
whenAskedToStop((times) => {
  interrupted = true;
  if (changing) {
    if (times === 1) console.error("\nInterrupted: waiting for Pulumi to stop what it is doing ...");
    return;
  }
  // What else runs is made anew, or taken up again, by the next start. Programs that we started end with us.
  console.error(`\n${STOPPED}`);
  ended = true;
  process.exit(130);
});

/** The first error of a stage. */
let failure: unknown;
const keep = (error: unknown): void => {
  failure ??= error;
};

// A bundle cannot have `await` here (run-bundled.cjs), so nothing else tells when the end was not reached.
let ended = false;
process.once("exit", () => {
  if (!ended) process.exitCode ||= 13;
});
start()
  .catch((caught: unknown) => {
    const error = failure ?? caught;
    const said = error instanceof PulumiError ? error.output.trim() : String(error);
    const text = isLocked(error)
      ? `another run works on the stack ${STACK}: wait until it has ended, and run npm start again.\n${said}`
      : interrupted
        ? `${said === "" || /\bcancell?ed\b/.test(said) ? "" : `${said}\n`}${STOPPED}`
        : error instanceof Error
          ? error.message
          : String(error);
    console.error(`\n${text}`);
    process.exitCode = interrupted ? 130 : 1;
  })
  .finally(() => {
    ended = true;
  });

async function start(): Promise<void> {
  // The configuration is read before anything is fetched: a mistake in it is refused in the first second.
  const settings = settingsOfStack();
  const paths = pathsOf(PROJECT, STACK, settings.stateDirectory);
  const places = placeProblems({ project: PROJECT, state: stateFolder(), machine: paths, cache: cacheRoot() });
  if (places.length > 0) throw new Error(places.join("\n"));
  // Pulumi and its plugins speak over it: without it their own words would be the first.
  const loopback = await portProblem(0);
  if (loopback !== undefined) throw new Error(`a port of the loopback interface ${loopback}`);
  const hint = sudoHint(PROJECT);
  if (hint !== undefined) console.error(hint);
  const toolchain = await prepare(machineArchitecture(settings), settings.baseImage);

  const stack = new StackRunner(STACK, toolchain, { own: true });
  let changed = false;
  let session: FirstSession | undefined;
  await new Listr(
    [
      {
        title: "pulumi up --stack local",
        task: (_ctx, task) =>
          stage(keep, async () => {
            const report = (line: string) => {
              task.output = line;
            };
            await stack.clearLeftovers(report);
            await stack.init();
            await stack.adopt(report);
            changing = true;
            ({ changed } = await stack.change("up", report).finally(() => {
              changing = false;
            }));
            stopIfInterrupted();
            const outcome = changed ? "the machine is up and verified" : "nothing to change";
            task.title = `pulumi up --stack ${STACK}: ${outcome}`;
          }),
      },
      {
        title: "First session",
        enabled: () => options.session,
        task: (_ctx, task) =>
          stage(keep, async () => {
            session = await firstSession(paths, port(paths), {
              again: options.again ?? false,
              apiKey: process.env["ANTHROPIC_API_KEY"],
              report: (line) => {
                task.output = line;
              },
            });
            const model =
              session.model === "api"
                ? "the model's API"
                : "a scripted demo model; set ANTHROPIC_API_KEY for the real one";
            task.title = session.ranNow
              ? `First session: the agent did its task (${model})`
              : "First session: done before (npm start -- --again repeats it)";
          }),
      },
    ],
    LISTR_OPTIONS,
  ).run();

  const report = Report.parse(neutralValue(JSON.parse(readFileSync(paths.verification, "utf8"))));
  console.log(`\n${printReport(report, { width: process.stdout.columns || 120, allRows: options.allRows ?? false })}`);
  if (session) console.log(`\nThe agent's answer (${session.file}):\n\n${indent(neutral(session.answer))}`);
  const unchanged = !changed && (session === undefined || !session.ranNow);
  console.log(
    [
      "",
      `${unchanged ? "Nothing was changed" : "Ready"} after ${((Date.now() - startedAt) / 1000).toFixed(0)} s.`,
      "",
      "  get `cloister`       npm run install-command    (once; else node cli/bin.mjs in this folder)",
      `  into the machine     ${sshCommand(paths, port(paths))}`,
      `                       cloister --stack ${STACK} shell    (docs/operating.md)`,
      `  a sealed command     cloister --stack ${STACK} run -- bash -c 'id; ls -la'`,
      `  verify it again      cloister --stack ${STACK} verify`,
      "  what would change    npm run -s pulumi -- preview --diff --stack local",
      "  take it all down     npm run down    (the session disk, too)",
    ].join("\n"),
  );
}

function settingsOfStack(): Settings {
  const file = join(PROJECT, `Pulumi.${STACK}.yaml`);
  const { config = {} } = parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> };
  const strings = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const parsed = parseSettings(Object.fromEntries(strings));
  if (!("settings" in parsed)) throw new SettingsError(STACK, parsed.problems);
  return parsed.settings;
}

function port(paths: Parameters<typeof livingProcess>[0]): number {
  const machine = livingProcess(paths);
  if (!machine)
    throw new Error("the machine ended just after it was verified: run npm start again, and look at its console");
  return machine.sshPort;
}

function stopIfInterrupted(): void {
  if (interrupted) throw new Error(STOPPED);
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
