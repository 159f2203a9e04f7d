import { randomBytes } from "node:crypto";
import { chown, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { CAPTURE_LIMIT } from "../../guest/run/result.ts";
import { type Engine, engine, removeArguments, takeDown } from "./engine.ts";
import { type ContainerSpec, containerOptions, DEFAULTS, mountWords, optionWords, SECCOMP } from "./options.ts";
import { caller, chooseUser, keyFile, keyInSight, readFolders } from "./prepare.ts";
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
  if (problems.length + users.length + seen.length > 0) throw new ContainerRefused([...problems, ...users, ...seen]);
  const audit = request.audit === undefined ? undefined : resolve(request.audit);
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

const terminal = () => process.stdin.isTTY === true && process.stdout.isTTY === true;
