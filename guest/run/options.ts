import { type Command, Option } from "commander";
import { describeProblem, type Problem, type Subject } from "../../contract/problem.ts";
import { mountText, parseMount } from "../sessions/mounts.ts";
import { type MountRequest, RunRefused, refusal } from "../sessions/request.ts";
import { problemsOf, type SealedRun } from "./request.ts";

/** Options of a sealed run as commander gives them; the operator's command and the machine's have the same. */
export interface RunOptions {
  readonly allow: readonly string[];
  readonly allowPrivate?: readonly string[];
  readonly mount: readonly string[];
  readonly env: readonly string[];
  readonly name?: string;
  readonly keep?: boolean;
  readonly cwd?: string;
  readonly timeout?: string;
  readonly memory?: string;
  readonly tasks?: string;
  readonly tmp?: string;
  readonly model?: string;
  /** A policy file: see {@link mergePolicy}, which puts it into the others. */
  readonly policy?: string;
  readonly agent?: boolean;
  readonly json?: boolean;
}

interface RunOption {
  readonly flags: string;
  readonly help: string;
  /** True for an option that can be given several times. */
  readonly list?: true;
}

/** Every option of a sealed run, in the order of the help. */
const OPTIONS: readonly RunOption[] = [
  {
    flags: "--policy <file>",
    help: "a policy file (docs/policy.md): hosts, folders, limits, variables, model; the other options add to it or go before it",
  },
  {
    flags: "--allow <hosts>",
    help: "what the session may reach: HOST, HOST:PORT, *.HOST or a group (npm, pypi, github ...), with commas or repeated",
    list: true,
  },
  {
    flags: "--allow-private <host=cidr>",
    help: "such a host may have addresses of this private range (docs/computers.md); repeatable",
    list: true,
  },
  {
    flags: "--mount <dir:name:mode>",
    help: "shows the machine's folder DIR as mnt/NAME: ro, rw (what was there before cannot be deleted), trash (it is kept aside) or rwd; repeatable",
    list: true,
  },
  {
    flags: "--env <name[=value]>",
    help: "a variable for the command; without a value it has the caller's; repeatable",
    list: true,
  },
  { flags: "--name <session>", help: "the session's name; its home is kept and used again (default: a random name)" },
  { flags: "--keep", help: "keeps the session's home and user" },
  { flags: "--cwd <dir>", help: "working directory inside: absolute, or relative to the session's home (the default)" },
  { flags: "--timeout <seconds>", help: "ends the command, and all that the session runs, after this time" },
  { flags: "--memory <mib>", help: "memory of the session, at most that of the machine's sessions (the default)" },
  {
    flags: "--tasks <number>",
    help: "processes and threads of the session, at most that of the machine's sessions (the default)",
  },
  { flags: "--tmp <mib>", help: "size of the session's /tmp, at most that of the machine's sessions (the default)" },
  { flags: "--model <name>", help: "the model that the agent asks for (default: the machine's)" },
];

const AGENT: RunOption = {
  flags: "--agent",
  help: "opens the way to the model; claude has the machine's tools and servers then",
};
const JSON_OPTION: RunOption = { flags: "--json", help: "catches the output and prints one JSON object about the run" };

/** The option of machines that lets a run go on by itself; the container has no place for it. */
export const DETACH = [
  "--detach",
  "goes on by itself; the session is kept, its output is in its log (cloister logs)",
] as const;

const EXAMPLES = `
Examples:
  cloister run -- uname -a
  cloister run --allow npm --mount /sessions/folders/site:site:rw --cwd mnt/site -- node build.js
  cloister run --name work -- bash -c 'echo kept > note'      # then: cloister run --name work -- cat note
  cloister run --env TOKEN --allow api.example.com:443 -- ./upload.sh`;

const collect = (value: string, previous: readonly string[]) => [...previous, value];

/**
 * Adds the options of a sealed run to a command.
 *
 * @param kind `agent` for a command that is the agent by itself: it needs no `--agent`, and has no `--json` of its own
 */
export function addRunOptions(command: Command, kind: "run" | "agent" = "run"): Command {
  for (const { flags, help, list } of [...OPTIONS, ...(kind === "run" ? [AGENT, JSON_OPTION] : [])]) {
    const option = new Option(flags, help);
    command.addOption(list ? option.argParser(collect).default([], "none") : option);
  }
  return kind === "run" ? command.addHelpText("after", EXAMPLES) : command;
}

/** The option that a problem is about; the others are about no option. */
const FLAGS: Partial<Record<Subject, string>> = {
  allow: "--allow",
  allowPrivate: "--allow-private",
  mounts: "--mount",
  name: "--name",
  environment: "--env",
  cwd: "--cwd",
  timeout: "--timeout",
  memory: "--memory",
  tasks: "--tasks",
  tmp: "--tmp",
  model: "--model",
};

/** Describes a problem in one line, for the person who wrote the command line. */
export function describeOnCommandLine(problem: Problem): string {
  const flag = FLAGS[problem.subject];
  const { value, message } = problem;
  if (flag === undefined) return describeProblem(problem);
  return value === undefined ? `${flag}: ${message}` : `${flag} ${JSON.stringify(value)}: ${message}`;
}

/** Returns the text about a refused request, with the options' names. */
export const refusalOnCommandLine = (refused: RunRefused): string => refusal(refused.problems, describeOnCommandLine);

/**
 * The prefix of variables that carry values. With it, no carried variable can be taken for one of this process's own
 * (PATH, NODE_OPTIONS).
 */
const CARRIED = "CLOISTER_ENV_";

/** Takes carried values out of an environment: programs that are started later must not inherit them. */
export function takeCarried(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const found: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(CARRIED)) continue;
    found[name.slice(CARRIED.length)] = value;
    delete environment[name];
  }
  return found;
}

/**
 * Reads a command line.
 *
 * @param environment the variables in which `--env NAME` finds its value
 * @param before problems that were found on the way, such as those of a policy file
 * @throws {RunRefused} with every problem that can be found without the machine
 */
export function parseRun(
  command: readonly string[],
  options: RunOptions,
  environment: NodeJS.ProcessEnv,
  before: readonly Problem[] = [],
): SealedRun {
  const { mounts, wrong: wrongMounts } = readMounts(options.mount);
  const { variables, wrong: wrongVariables } = readVariables(options.env, environment);
  const { name, keep, cwd, agent, timeout, model } = options;
  const { limits, wrong: wrongLimits } = readLimits(options);
  const run = {
    command,
    ...(options.allow.length === 0 ? {} : { allow: options.allow }),
    ...((options.allowPrivate ?? []).length === 0 ? {} : { allowPrivate: options.allowPrivate }),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...(Object.keys(variables).length === 0 ? {} : { environment: variables }),
    ...(name === undefined ? {} : { name }),
    ...(keep === undefined ? {} : { keep }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  const timeoutMs = timeout === undefined ? undefined : milliseconds(timeout);
  const wrongTimeout: Problem[] =
    timeout !== undefined && timeoutMs === undefined
      ? [
          {
            code: "CLOISTER_E_TIMEOUT",
            subject: "timeout",
            value: timeout,
            message: "write seconds above 0, at most 24 days",
          },
        ]
      : [];
  const problems = [...before, ...problemsOf(run), ...wrongMounts, ...wrongVariables, ...wrongTimeout, ...wrongLimits];
  if (problems.length > 0) throw new RunRefused(problems);
  return { ...run, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function milliseconds(text: string): number | undefined {
  const value = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : 0;
  return value > 0 && value < 2 ** 31 ? value : undefined;
}

/** The limits of a session, by the option that has each. */
const LIMITS = { memory: "memoryMiB", tasks: "tasksMax", tmp: "tmpMiB" } as const;

function readLimits(options: RunOptions): { limits: NonNullable<SealedRun["limits"]>; wrong: Problem[] } {
  const limits: { memoryMiB?: number; tasksMax?: number; tmpMiB?: number } = {};
  const wrong: Problem[] = [];
  for (const [option, limit] of Object.entries(LIMITS) as [
    keyof typeof LIMITS,
    "memoryMiB" | "tasksMax" | "tmpMiB",
  ][]) {
    const value = options[option];
    if (value === undefined) continue;
    if (/^[1-9]\d{0,8}$/.test(value)) limits[limit] = Number(value);
    else
      wrong.push({
        code: "CLOISTER_E_LIMIT",
        subject: option,
        value,
        message: "write a whole number from 1 to 999999999",
      });
  }
  return { limits, wrong };
}

function readMounts(texts: readonly string[]): { mounts: MountRequest[]; wrong: Problem[] } {
  const parsed = texts.map(parseMount);
  return {
    mounts: parsed.flatMap((one) => ("problem" in one ? [] : [one])),
    wrong: parsed.flatMap((one) => ("problem" in one ? [one.problem] : [])),
  };
}

function readVariables(texts: readonly string[], environment: NodeJS.ProcessEnv) {
  const variables = new Map<string, string>();
  const wrong: Problem[] = [];
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? environment[name] : text.slice(at + 1);
    const problem = { code: "CLOISTER_E_ENV", subject: "environment", value: name } as const;
    if (name === "") wrong.push({ ...problem, message: "write NAME=VALUE, or NAME" });
    else if (value === undefined) {
      wrong.push({ ...problem, message: "this variable is not set here: set it, or write NAME=VALUE" });
    } else variables.set(name, value);
  }
  return { variables: Object.fromEntries(variables), wrong };
}

/** A sealed run as the machine's own command takes it. */
export interface RunWords {
  readonly words: readonly string[];
  /**
   * Variables for the environment of that command. Their values must not be in a command line, which every user of a
   * machine may read.
   */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Returns the command line of the machine's own command. {@link parseRun} of it, with that environment, returns the
 * same run.
 */
export function toWords(
  run: SealedRun,
  { json = false, detach = false }: { readonly json?: boolean; readonly detach?: boolean } = {},
): RunWords {
  const {
    command,
    allow = [],
    allowPrivate = [],
    mounts = [],
    environment = {},
    name,
    keep,
    cwd,
    agent,
    timeoutMs,
    model,
    limits = {},
  } = run;
  const number = (value: number | undefined) => (value === undefined ? undefined : String(value));
  // Write option and value as one word: a value may begin with a dash.
  const each = (option: string, values: readonly string[]) => values.map((value) => `${option}=${value}`);
  const one = (option: string, value: string | undefined) => (value === undefined ? [] : [`${option}=${value}`]);
  return {
    words: [
      ...["cloister", "run"],
      ...each("--allow", allow),
      ...each("--allow-private", allowPrivate),
      ...each("--mount", mounts.map(mountText)),
      ...each("--env", Object.keys(environment)),
      ...one("--name", name),
      ...one("--cwd", cwd),
      ...one("--timeout", timeoutMs === undefined ? undefined : String(timeoutMs / 1000)),
      ...one("--memory", number(limits.memoryMiB)),
      ...one("--tasks", number(limits.tasksMax)),
      ...one("--tmp", number(limits.tmpMiB)),
      ...one("--model", model),
      ...(keep ? ["--keep"] : []),
      ...(agent ? ["--agent"] : []),
      ...(json ? ["--json"] : []),
      ...(detach ? ["--detach"] : []),
      ...["--", ...command],
    ],
    environment: Object.fromEntries(Object.entries(environment).map(([key, value]) => [`${CARRIED}${key}`, value])),
  };
}
