import { agentCommand } from "../../guest/agent/settings.ts";
import { mergePolicy } from "../../guest/policy/merge.ts";
import type { ReadPolicy } from "../../guest/policy/result.ts";
import { parseRun, type RunOptions, toWords } from "../../guest/run/options.ts";
import type { SealedRun } from "../../guest/run/request.ts";
import type { Engine } from "../../infra/container/engine.ts";
import { readFolders } from "../../infra/container/prepare.ts";
import { type ContainerOutcome, type ContainerRequest, runContainer } from "../../infra/container/run.ts";

/** Options of a sealed run in a container of its own. */
export interface ContainedOptions extends RunOptions {
  readonly audit?: string;
  readonly cpus?: string;
  readonly acceptWeaker?: boolean;
}

/**
 * The fewest processes and threads with which a container works, measured with Node 22 and Claude Code on 2 processors: a
 * session with a folder of mode `rw` was made with 34 and not with 32 (the deletion guard makes its threads first), and the
 * agent ran with 40 and aborted with 32. Below, Node hangs before it could say why.
 */
export const LEAST_TASKS = { command: 48, agent: 64 } as const;

/** A checked run, with folders of this computer. */
export interface HostRun {
  /** The run without its folders. */
  readonly run: SealedRun;
  /** Folders of this computer, each as `DIR:NAME:MODE`. */
  readonly mounts: readonly string[];
}

/**
 * Reads the options and the policy file of a run. Relative paths in the file begin at its folder.
 *
 * @param policy the policy, where it was read already; `options.policy` is its name then
 * @throws {RunRefused} with all problems of options, policy file and folders
 */
export async function readHostRun(
  command: readonly string[],
  options: ContainedOptions,
  environment: NodeJS.ProcessEnv = process.env,
  policy?: ReadPolicy,
): Promise<HostRun> {
  const { options: merged, problems: wrongPolicy } =
    options.policy === undefined
      ? { options, problems: [] }
      : mergePolicy(
          options,
          options.policy,
          policy ?? (await (await import("../../guest/policy/read.ts")).readPolicyFile(options.policy)),
        );
  const { problems: wrongFolders } = await readFolders(merged.mount);
  const before = [
    ...tooFewTasks(merged),
    ...wrongPolicy,
    ...wrongFolders.map((message) => ({ code: "CLOISTER_E_MOUNT", subject: "prompt", message }) as const),
    ...(options.cpus !== undefined && !(Number(options.cpus) > 0)
      ? [{ code: "CLOISTER_E_LIMIT", subject: "prompt", message: `--cpus ${options.cpus}: write a number` } as const]
      : []),
  ];
  return { run: parseRun(command, { ...merged, mount: [] }, environment, before), mounts: merged.mount };
}

function tooFewTasks({ tasks, agent }: RunOptions) {
  const least = agent ? LEAST_TASKS.agent : LEAST_TASKS.command;
  if (tasks === undefined || !(Number(tasks) < least)) return [];
  const message = `${agent ? "the agent" : "a session"} in a container needs ${least}: its engine counts Node's threads and the seal's own processes, too`;
  return [{ code: "CLOISTER_E_LIMIT", subject: "tasks", value: tasks, message } as const];
}

/** The command of Claude Code for a prompt. */
export const commandOfPrompt = (prompt: string): string[] => agentCommand({ prompt, interactive: false, flags: [] });

/** Runs it in a container of its own, which ends with it. */
export async function runOnHost(
  host: Engine,
  image: string,
  { run, mounts }: HostRun,
  options: Pick<ContainedOptions, "audit" | "cpus" | "acceptWeaker" | "json"> &
    Pick<ContainerRequest, "stdio"> & { readonly key?: string },
): Promise<ContainerOutcome> {
  const { words, environment } = toWords(run, { json: options.json ?? false });
  const at = words.indexOf("--");
  const { memoryMiB, tasksMax, tmpMiB } = run.limits ?? {};
  return await runContainer(host, {
    image,
    // The first word is the image's entry point.
    command: [...words.slice(1, at), ...(options.acceptWeaker ? ["--accept-weaker"] : [])],
    words: words.slice(at),
    environment,
    mounts,
    stdio: options.stdio,
    limits: {
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      ...(tasksMax === undefined ? {} : { pids: tasksMax }),
      ...(tmpMiB === undefined ? {} : { tmpMiB }),
      ...(options.cpus === undefined ? {} : { cpus: Number(options.cpus) }),
    },
    ...(options.audit === undefined ? {} : { audit: options.audit }),
    ...(options.key ? { key: options.key } : {}),
  });
}

/** The model's key of this process, for runs that may use the model. */
export const keyFor = (run: SealedRun, environment: NodeJS.ProcessEnv = process.env): { key?: string } => {
  const key = run.agent ? environment["ANTHROPIC_API_KEY"] : undefined;
  return key ? { key } : {};
};
