import { randomBytes } from "node:crypto";
import { access, chown, constants, mkdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CAPTURE_LIMIT } from "../../guest/run/result.ts";
import { type Engine, engine, removeArguments, takeDown } from "./engine.ts";
import { type ContainerSpec, containerOptions, DEFAULTS, mountWords, optionWords, SECCOMP } from "./options.ts";
import { type Caller, caller, chooseUser, keyFile, keyInSight, readFolders } from "./prepare.ts";
import { Stopped } from "./stop.ts";

/** The request cannot be carried out. The error holds all of its problems. */
export class ContainerRefused extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Maximum that is kept of a container's output, in bytes: the result of a run whose outputs are as long and as costly as can be. */
const MOST_OUTPUT = 2 * 6 * CAPTURE_LIMIT + 32 * 2 ** 20;

export interface ContainerRequest {
  readonly image: string;
  /** Command of the container and its own options, such as `run --allow HOST`. Folders are added. */
  readonly command: readonly string[];
  /** The words after the options. */
  readonly words?: readonly string[];
  /** Variables for the container's command. They are in no command line. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Folders, each as `DIR:NAME:MODE`. */
  readonly mounts?: readonly string[];
  /** Folder for the audit log. It is made when it does not exist. */
  readonly audit?: string;
  /** The model's key. Default: none, and a scripted model answers. */
  readonly key?: string;
  readonly limits?: Partial<Pick<ContainerSpec, "memoryMiB" | "cpus" | "pids" | "tmpMiB" | "sessionsMiB">>;
  /** `inherit` passes this process's streams on. */
  readonly stdio: "inherit" | "pipe";
  /** Removes or changes one of the options; only tests use it. */
  readonly change?: (words: readonly string[]) => readonly string[];
  readonly timeoutMs?: number;
}

export interface ContainerOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one container to its end, with the documented options, and removes it.
 *
 * @throws {ContainerRefused} when folders or users are wrong: nothing was started
 * @throws {Stopped} when this process was told to stop: the container is gone
 */
export async function runContainer(host: Engine, request: ContainerRequest): Promise<ContainerOutcome> {
  const { folders, problems } = await readFolders(request.mounts ?? []);
  const { user, problems: users } = chooseUser(caller(), folders);
  const seen = request.key === undefined ? [] : await keyInSight(folders);
  const audit = request.audit === undefined ? undefined : resolve(request.audit);
  const unwritable = audit === undefined ? undefined : await auditProblem(audit, user);
  const wrong = [...problems, ...users, ...seen, ...(unwritable ?? [])];
  if (wrong.length > 0) throw new ContainerRefused(wrong);
  if (audit !== undefined && (await mkdir(audit, { recursive: true })) !== undefined && process.getuid?.() === 0) {
    await chown(audit, user.uid, user.gid);
  }
  const key = request.key === undefined ? undefined : await keyFile(request.key, user);
  const name = `cloister-run-${randomBytes(6).toString("hex")}`;
  try {
    const options = containerOptions(host, {
      ...DEFAULTS,
      ...request.limits,
      user,
      folders,
      seccomp: SECCOMP,
      ...(audit === undefined ? {} : { audit }),
      ...(key === undefined ? {} : { modelKey: key.path }),
    });
    const change = request.change ?? ((words) => words);
    const finished = await engine(
      host,
      [
        "run",
        "--rm",
        "--no-healthcheck",
        // Else the engine keeps all that a command prints, on this computer's disk.
        "--log-driver=none",
        `--name=${name}`,
        ...(request.stdio === "inherit" ? ["--interactive", ...(terminal() ? ["--tty"] : [])] : []),
        ...change(optionWords(options)),
        // The engine takes the values from its own environment.
        ...Object.keys(request.environment ?? {}).map((name) => `--env=${name}`),
        request.image,
        ...request.command,
        ...(request.command[0] === "run" ? mountWords(folders) : []),
        ...(request.words ?? []),
      ],
      {
        stdio: request.stdio === "inherit" ? "inherit" : ["ignore", "pipe", "pipe"],
        reject: false,
        maxBuffer: MOST_OUTPUT,
        ...(request.environment === undefined ? {} : { env: request.environment }),
        ...(request.timeoutMs === undefined ? {} : { timeout: request.timeoutMs }),
      },
    );
    return {
      exitCode: finished.exitCode ?? 125,
      stdout: String(finished.stdout ?? ""),
      stderr: String(finished.stderr ?? "") || (finished.exitCode === undefined ? (finished.shortMessage ?? "") : ""),
    };
  } catch (error) {
    // A signal that comes while the engine makes the container ends the engine, and not the container.
    if (error instanceof Stopped) await takeDown(host, removeArguments(host, [name]));
    throw error;
  } finally {
    key?.remove();
  }
}

/**
 * Looks at an audit folder that is there. The container looks again, and sees what cannot be seen from here, such as another user's
 * access list.
 */
async function auditProblem(folder: string, { uid, gid }: Caller): Promise<string[]> {
  const there = await stat(folder).catch((error: NodeJS.ErrnoException) => error);
  if (there instanceof Error && there.code === "ENOENT") return [];
  const problem = (why: string) => [`--audit ${JSON.stringify(folder)}: ${why}`];
  if (there instanceof Error) return problem(there.message);
  if (!there.isDirectory()) return problem("it is not a folder: name one, or a path where one can be made");
  // Elsewhere the engine's virtual machine decides.
  if (process.platform !== "linux") return [];
  const way = `name another folder, or give it away (chown ${uid}:${gid} ${folder})`;
  const denied =
    process.getuid?.() === uid
      ? await access(folder, constants.W_OK).then(
          () => false,
          () => true,
        )
      : // The group's bit is the mask of an access list, too.
        (there.mode & (there.uid === uid ? 0o200 : 0o022)) === 0;
  return denied ? problem(`user ${uid}, who writes the rows, may not write there: ${way}`) : [];
}

const terminal = () => process.stdin.isTTY === true && process.stdout.isTTY === true;
