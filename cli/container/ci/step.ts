import { randomBytes } from "node:crypto";
import { appendFile, lstat, mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { AUDIT_FILE, type LostRows, type WholeLog } from "../../../guest/container/audit.ts";
import { askedOf } from "../../../guest/egress/asked.ts";
import type { CountedRow } from "../../../guest/egress/audit-counts.ts";
import type { EgressDecision } from "../../../guest/egress/decision.ts";
import { refusalOnCommandLine } from "../../../guest/run/options.ts";
import { RunRefused } from "../../../guest/sessions/request.ts";
import type { Engine } from "../../../infra/container/engine.ts";
import { ContainerRefused, runContainer } from "../../../infra/container/run.ts";
import { Stopped, untilDone } from "../../../infra/container/stop.ts";
import { commandOfPrompt, type HostRun, keyFor, readHostRun, runOnHost } from "../sealed.ts";
import { baseSide } from "./base-side.ts";
import { wrongFolders } from "./policy-folders.ts";
import { choosePolicy, headSide, type Policies } from "./policy-sides.ts";
import { readSettings, type StepSettings } from "./settings.ts";
import { refusedSummary, type StepReport, summaryOf } from "./summary.ts";

/** Exit code of a step that was not run. */
const REFUSED = 2;

/** Exit code of a step that succeeded, and could not keep its record. */
const UNKEPT = 125;

/** Why a log is not whole that ends without saying so. */
const NO_END = "it has no end: the session's supervisor was killed, or the disk is full";

const SUMMARY = "summary.md";
const LOCK = ".lock";

/** The name of the checkout below `mnt/`. */
const CHECKOUT = "work";

/** What the step needs of the command that it is part of. */
export interface StepTools {
  readonly say: (line: string) => void;
  readonly prepare: (options: {
    engine?: string;
    image?: string;
    base?: string;
  }) => Promise<{ host: Engine; image: string }>;
}

/**
 * One step of a CI job: a sealed session over the checkout, under its policy file. Audit log and summary are left in the
 * folder for results, whatever happens.
 *
 * @returns the command's exit code; 2 when it was refused, 125 when audit log or summary could not be kept
 */
export async function ciStep(environment: NodeJS.ProcessEnv, tools: StepTools): Promise<number> {
  // What is said before and after the session can hold a policy's text, or a host's name.
  const resume = stopRunnerCommands(environment);
  try {
    return await step(environment, tools);
  } finally {
    resume();
  }
}

async function step(environment: NodeJS.ProcessEnv, tools: StepTools): Promise<number> {
  const read = readSettings(environment);
  if ("problems" in read) {
    return await refuseWithoutResults(read.problems, environment, tools);
  }
  const taken = await takeResults(read.results);
  if ("problem" in taken) return await refuseWithoutResults([taken.problem], environment, tools);
  try {
    return await stepInto({ ...read, ...taken }, environment, tools);
  } finally {
    await taken.release().catch(() => {});
  }
}

/** The folder for results, which is this step's. */
interface Results {
  readonly results: string;
  /** The reason why another step may have it by now; absent while it is this step's. */
  readonly taken: { why?: string };
}

/** Makes the folder for results and locks it. */
async function takeResults(
  wanted: string | undefined,
): Promise<(Results & { release(): Promise<void> }) | { readonly problem: string }> {
  let results = wanted;
  const taken: Results["taken"] = {};
  try {
    results ??= await mkdtemp(join(tmpdir(), "cloister-results-"));
    await mkdir(results, { recursive: true });
    const lock = await lstat(join(results, LOCK)).catch(() => undefined);
    if (lock !== undefined && !lock.isDirectory()) throw new Error(`its file ${LOCK} is none of cloister's`);
    const release = await lockResults(results, ({ message }) => {
      taken.why ??= `${results} is no longer this step's alone: ${message}`;
    });
    if (release !== undefined) return { results, taken, release };
    const problem = `another step runs that keeps its results in ${results}: give each step a folder (CLOISTER_CI_RESULTS), or wait for its end`;
    return { problem };
  } catch (error) {
    const place = results ?? tmpdir();
    return {
      problem: `the results cannot be kept in ${place}: ${(error as Error).message}: name another folder (CLOISTER_CI_RESULTS)`,
    };
  }
}

/** The folder for results may be what is wrong: only the runner's own files tell of it. */
async function refuseWithoutResults(problems: readonly string[], environment: NodeJS.ProcessEnv, { say }: StepTools) {
  for (const problem of problems) say(problem);
  await keep([
    [environment["GITHUB_OUTPUT"], `exit-code=${REFUSED}\n`],
    [environment["GITHUB_STEP_SUMMARY"], refusedSummary(problems)],
  ]);
  return REFUSED;
}

/**
 * Takes the folder for results, which a second step would empty. The lock of a step that was killed is nobody's after ten seconds.
 *
 * @returns gives it back; undefined while another step has it
 */
async function lockResults(
  results: string,
  onCompromised: (error: Error) => void,
): Promise<(() => Promise<void>) | undefined> {
  return await lockfile
    .lock(results, {
      lockfilePath: join(results, LOCK),
      stale: 10_000,
      update: 2_500,
      retries: { retries: 12, factor: 1, minTimeout: 1_000 },
      onCompromised,
    })
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ELOCKED") return undefined;
      throw error;
    });
}

async function stepInto(
  settings: StepSettings & Results,
  environment: NodeJS.ProcessEnv,
  tools: StepTools,
): Promise<number> {
  const { results } = settings;
  const audit = join(results, "audit");
  // Of an earlier step. The folder itself may be the caller's, with other things in it.
  for (const name of ["audit", SUMMARY]) await rm(join(results, name), { recursive: true, force: true });
  let policies: Policies = { from: "head" };
  // Another signal does not end the record.
  const report = (outcome: StepReport["outcome"], weaker: readonly string[] = []) =>
    untilDone(finish(environment, settings, { outcome, policies, weaker, audit, began }, tools));
  let began = false;
  let weaker: readonly string[] = [];
  try {
    policies = await policiesOf(settings);
    const asked = await readRun(settings, policies, environment);
    const wrong = wrongFolders(asked.mounts, { folder: settings.folder, name: CHECKOUT, results }, environment);
    if (wrong.length > 0) throw new ContainerRefused(wrong);
    const { host, image } = await tools.prepare(settings);
    const checked = await runContainer(host, {
      image,
      command: ["check", ...(settings.acceptWeaker ? ["--accept-weaker"] : [])],
      stdio: "pipe",
    });
    const said = checked.stderr.split("\n").flatMap((line) => line.replace(/^\s*(cloister: )?/, "").trim() || []);
    if (checked.exitCode !== 0) {
      for (const line of said) tools.say(line);
      return await report({ refused: [...said, ...explainNamespaces(said)] });
    }
    began = true;
    weaker = said.filter((line) => line.startsWith("weaker than"));
    const { exitCode } = await runOnHost(host, image, asked, {
      stdio: "inherit",
      audit,
      acceptWeaker: settings.acceptWeaker,
      ...keyFor(asked.run, environment),
    });
    return await report({ exitCode }, weaker);
  } catch (error) {
    const lines = refusalOf(error);
    for (const line of lines) tools.say(line);
    return error instanceof Stopped
      ? await report({ stopped: error.message, exitCode: error.exitCode }, weaker)
      : await report({ refused: lines });
  }
}

async function policiesOf({ folder, policy, policyFrom, baseCommit, repository }: StepSettings): Promise<Policies> {
  const head = await headSide(folder, policy);
  const base = baseCommit === undefined ? undefined : await baseSide(folder, policy, baseCommit, repository);
  return choosePolicy(head, base, policyFrom);
}

function readRun(settings: StepSettings, { holds }: Policies, environment: NodeJS.ProcessEnv): Promise<HostRun> {
  const { task, folder, mode, policy } = settings;
  const agent = "prompt" in task;
  // The checkout goes before a folder of that name in the policy: a policy cannot give it another mode.
  const options = {
    allow: [],
    env: [],
    mount: [`${folder}:${CHECKOUT}:${mode}`],
    cwd: `mnt/${CHECKOUT}`,
    ...(agent ? { agent } : {}),
  };
  const command = agent ? commandOfPrompt(task.prompt) : ["bash", "-c", task.command];
  return readHostRun(command, holds === undefined ? options : { ...options, policy }, environment, holds);
}

/**
 * A session writes to the job's log, where the runner takes lines that begin with `::` for commands. They are switched
 * off until a word that the session does not know.
 *
 * @returns switches them on again
 */
function stopRunnerCommands(environment: NodeJS.ProcessEnv): () => void {
  if (environment["GITHUB_ACTIONS"] !== "true") return () => {};
  const word = `cloister-${randomBytes(24).toString("hex")}`;
  process.stdout.write(`::stop-commands::${word}\n`);
  return () => void process.stdout.write(`\n::${word}::\n`);
}

async function finish(
  environment: NodeJS.ProcessEnv,
  settings: StepSettings & Results,
  run: {
    readonly outcome: StepReport["outcome"];
    readonly policies: Policies;
    readonly weaker: readonly string[];
    readonly audit: string;
    /** A session may have been begun, so that there is a log of it. */
    readonly began: boolean;
  },
  { say }: StepTools,
): Promise<number> {
  const { holds, from, change } = run.policies;
  const log = await rowsIn(join(run.audit, AUDIT_FILE));
  // There is no log of a session that was not made.
  const none = "exitCode" in run.outcome && [REFUSED, UNKEPT].includes(run.outcome.exitCode) && !log.there;
  const torn = run.began && !("refused" in run.outcome) && !log.whole && !none;
  const lost = [...log.lost, ...(torn && log.lost.length === 0 ? [NO_END] : [])];
  const text = summaryOf({
    outcome: run.outcome,
    policy: {
      file: settings.policy,
      from: holds === undefined ? "none" : from,
      ...(settings.baseCommit === undefined ? {} : { baseCommit: settings.baseCommit }),
      ...(change === undefined ? {} : { change }),
    },
    asked: askedOf(log.rows),
    counted: log.counted,
    lost,
    weaker: run.weaker,
  });
  const command = "exitCode" in run.outcome ? run.outcome.exitCode : REFUSED;
  const unkept = await keep([
    // The first: by it the runner finds the audit log.
    [environment["GITHUB_OUTPUT"], `results=${settings.results}\n`],
    [join(settings.results, SUMMARY), text],
    [environment["GITHUB_STEP_SUMMARY"], text],
  ]);
  if (lost.length > 0) unkept.push(`the audit log is not whole: ${lost[0]}`);
  if (settings.taken.why !== undefined) unkept.push(settings.taken.why);
  // The command's own words are in the log; without its record the job is no success. A supervisor that was killed has no code of the command's.
  const killed = torn && !("stopped" in run.outcome);
  const code = (kept: boolean) => {
    if (settings.taken.why !== undefined || killed) return UNKEPT;
    return !kept && command === 0 ? UNKEPT : command;
  };
  // The last: it is the code with which the step ends.
  const told = await keep([[environment["GITHUB_OUTPUT"], `exit-code=${code(unkept.length === 0)}\n`]]);
  unkept.push(...told);
  for (const one of unkept) say(`a part of the record could not be kept: ${one}`);
  if (unkept.length === 0) say(`audit log and summary are in ${settings.results}`);
  return code(unkept.length === 0);
}

/**
 * Adds to each file its text. A full disk may take one, and has room for another.
 *
 * @returns the errors
 */
export async function keep(records: readonly (readonly [path: string | undefined, text: string])[]): Promise<string[]> {
  const lost: string[] = [];
  for (const [path, text] of records) {
    if (path) await appendFile(path, text).catch((error: Error) => lost.push(error.message));
  }
  return lost;
}

/** Reads the log of one session: rows about hosts, those that were counted, why others are missing, and if it has an end. */
async function rowsIn(path: string) {
  const rows: EgressDecision[] = [];
  const counted: CountedRow[] = [];
  const lost: string[] = [];
  let [there, whole] = [false, false];
  try {
    const file = await open(path);
    there = true;
    for await (const line of file.readLines({ encoding: "utf8" })) {
      const row = asRow(line);
      if (row === undefined) continue;
      if ("host" in row) rows.push(row);
      if ("counted" in row) counted.push(row);
      if ("lost" in row) lost.push(String(row.lost));
      whole = "whole" in row;
    }
  } catch {
    // A session that was not made has no log.
  }
  return { rows, counted, lost, there, whole };
}

function asRow(line: string): EgressDecision | CountedRow | LostRows | WholeLog | undefined {
  try {
    const row: unknown = JSON.parse(line);
    return typeof row === "object" && row !== null ? (row as EgressDecision) : undefined;
  } catch {
    return undefined;
  }
}

function refusalOf(error: unknown): string[] {
  if (error instanceof RunRefused)
    return refusalOnCommandLine(error)
      .split("\n")
      .map((line) => line.trim());
  if (error instanceof ContainerRefused) return [...error.problems];
  return (error as Error).message.split("\n");
}

/** Adds what a job can do where its host lets nobody make user namespaces. */
function explainNamespaces(said: readonly string[]): string[] {
  if (!said.some((line) => line.includes("no user namespace can be made"))) return [];
  return [
    "A session is a user namespace of its own. Ubuntu 24.04 lets ordinary users make none that has rights; the action's input user-namespaces says what is done about it (docs/ci.md).",
  ];
}
