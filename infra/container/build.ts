import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Context } from "../../images/container/context.ts";
import type { Arch } from "../../images/runtime/arch.ts";
import { type Engine, removeArguments, startEngine, takeDown } from "./engine.ts";
import { handingOn, takesSignals, throwIfStopped, untilDone } from "./stop.ts";

/**
 * The label of a build's stages. docker's old builder leaves each stage as an image that has no name, and so does podman's when it is
 * killed.
 */
const STAGE_LABEL = "cloister.stage";

/** For how long podman may take down a build whose command was ended, in milliseconds. A cancelled job has ten seconds. */
const TAKE_DOWN_MS = 4_000;

export interface BuildSpec {
  readonly name: string;
  readonly base: string;
  readonly version: string;
  /** The context's folder. */
  readonly path: string;
  readonly arch: Arch;
  readonly revision?: string;
  /** Takes nothing from the engine's cache. */
  readonly anew?: boolean;
  /** Marks the stages of this build. */
  readonly stage?: string;
}

/**
 * The engine's arguments. podman's builder gives all files and the image one time, so that the same inputs give the
 * same image.
 */
export function buildArguments({ program }: Pick<Engine, "program">, spec: BuildSpec): string[] {
  return [
    "build",
    // Without layers no stage is left behind as an image that has no name: half a gigabyte each time.
    ...(program === "podman" ? ["--format=docker", "--timestamp=0", "--layers=false", "--force-rm"] : []),
    ...(spec.anew ? ["--no-cache"] : []),
    // Only the build uses the host's network: packages come from the place where this computer's apt gets them.
    ...["--network=host", `--platform=linux/${spec.arch}`],
    ...["--build-arg", `BASE=${spec.base}`, "--build-arg", `VERSION=${spec.version}`],
    ...["--build-arg", `REVISION=${spec.revision ?? "unknown"}`],
    // podman names each stage's container in lines of this level alone.
    ...(program === "podman" && spec.stage !== undefined ? ["--log-level=debug"] : []),
    ...(spec.stage === undefined ? [] : ["--build-arg", `STAGE=${spec.stage}`]),
    ...["--tag", spec.name, spec.path],
  ];
}

/** The names of a build's folder, which has the engine's name behind it, and of the files in it that hold the ids of its working containers and the mark of its stages. */
const BUILD = "build-";
const CONTAINERS = "containers";
const STAGE = "stage";

/**
 * Builds an image, and leaves nothing else: no image without a name, and of a build that was stopped no container and no file. One build
 * at a time has the folder.
 *
 * @param work the folder for what a build needs while it runs
 * @returns what the engine said, when it failed
 * @throws {Stopped} when this process was told to stop
 */
export async function buildImage(
  host: Engine,
  spec: Omit<BuildSpec, "stage" | "version" | "path"> & { readonly context: Context; readonly work: string },
): Promise<string | undefined> {
  throwIfStopped();
  await mkdir(spec.work, { recursive: true });
  const stage = randomUUID();
  const temporary = await mkdtemp(join(spec.work, `${BUILD}${host.program}-`));
  const folder = join(temporary, "tmp");
  const before = new Set(await workingContainers(host));
  let said = "";
  let succeeded = false;
  let unnoted: Error | undefined;
  try {
    await mkdir(folder);
    await writeFile(join(temporary, STAGE), stage);
    const { version, path } = spec.context;
    const building = startEngine(host, buildArguments(host, { ...spec, version, path, stage }), {
      reject: false,
      stdin: "ignore",
      all: true,
      // With a terminal, Ctrl-C would reach podman, which leaves everything behind. Where nobody takes signals, it must.
      detached: takesSignals(),
      env: { SOURCE_DATE_EPOCH: "0", TMPDIR: folder },
    });
    const known = new Set<string>();
    let last = "";
    building.all?.on("data", (data: Buffer) => {
      last = last.slice(-1_000) + data.toString();
      for (const id of containersIn(last)) {
        if (known.has(id)) continue;
        known.add(id);
        // At once: after kill -9 nobody else knows which containers were this build's.
        try {
          appendFileSync(join(temporary, CONTAINERS), `${id}\n`);
        } catch (error) {
          // Nobody catches what is thrown here, and the build would go on.
          if (unnoted === undefined) end("SIGTERM");
          unnoted ??= error as Error;
        }
      }
    });
    const end = (signal: NodeJS.Signals) => {
      if (host.program === "docker") building.kill(signal);
      else void endBuild(building);
    };
    const built = await handingOn(building, end);
    said = String(built.all ?? "");
    throwIfStopped();
    if (unnoted !== undefined)
      throw new Error(
        `the build was ended, because it could not be noted what it made: ${unnoted.message}: make room in ${spec.work}`,
      );
    succeeded = !built.failed;
    return succeeded ? undefined : withoutDebugLines(said);
  } finally {
    await untilDone(clear());
  }

  async function clear() {
    if (!succeeded)
      await removeWorking(
        host,
        containersIn(said).filter((id) => !before.has(id)),
      );
    await removeStages(host, stage);
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Removes what builds of this engine have left that were killed, as by kill -9 or a computer that went off. Whoever calls it has the lock of
 * builds, so that none is at work.
 */
export async function clearKilled(host: Engine, work: string): Promise<void> {
  const all = await readdir(work).catch(() => []);
  const left = all.filter((name) => name.startsWith(`${BUILD}${host.program}-`));
  for (const name of left) {
    const ids = await readFile(join(work, name, CONTAINERS), "utf8").catch(() => "");
    await removeWorking(host, ids.split("\n").filter(Boolean));
    const stage = await readFile(join(work, name, STAGE), "utf8").catch(() => "");
    if (stage !== "") await removeStages(host, stage);
  }
  for (const name of left) await rm(join(work, name), { recursive: true, force: true });
}

/** Removes those of the containers in which an engine still builds, or would. */
async function removeWorking(host: Engine, ids: readonly string[]): Promise<void> {
  const there = new Set(await workingContainers(host));
  const ours = ids.filter((id) => there.has(id));
  if (ours.length > 0) await takeDown(host, removeArguments(host, ours));
}

/** The working containers that a build of podman's has named: one for each stage, whatever the stage is made from. */
const containersIn = (said: string): string[] =>
  [...said.matchAll(/^time="[^"]*" level=debug msg="Container ID: ([0-9a-f]{64})"$/gm)].map(([, id = ""]) => id);

const withoutDebugLines = (said: string): string => said.replace(/^time="[^"]*" level=(?:debug|info) .*(?:\n|$)/gm, "");

/**
 * Ends a build of podman's, which goes at a signal and leaves its containers, with what runs in them. When the command of a step is
 * ended instead, podman takes all of it down.
 */
export async function endBuild(building: {
  readonly pid?: number;
  readonly exitCode: number | null;
  readonly signalCode: NodeJS.Signals | null;
  kill(signal: NodeJS.Signals): boolean;
}) {
  // It could not be started. Of process 0 every other one is a child.
  const { pid: builder } = building;
  if (builder === undefined) return;
  const runs = () => building.exitCode === null && building.signalCode === null;
  const until = Date.now() + TAKE_DOWN_MS;
  while (runs() && Date.now() < until) {
    for (const pid of await descendantsOf(builder)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  if (runs()) building.kill("SIGTERM");
}

async function descendantsOf(pid: number): Promise<number[]> {
  const { stdout } = await execa("ps", ["-A", "-o", "pid=,ppid="], { reject: false, stdin: "ignore" });
  const parents = (stdout ?? "").split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) found.push(...parents.flatMap(([child, of]) => (of === parent && child ? [child] : [])));
  return found.slice(1);
}

/** Containers in which podman builds. */
async function workingContainers(host: Engine): Promise<string[]> {
  if (host.program !== "podman") return [];
  const said = await takeDown(host, ["ps", "--all", "--external", "--no-trunc", "--format={{.ID}} {{.Status}}"]);
  // Their status is shown, and is none that podman 4 takes for a filter.
  return said.split("\n").flatMap((line) => /^(\S+) storage$/i.exec(line)?.[1] ?? []);
}

/** Removes what a build left of its stages. Another's have another mark. */
async function removeStages(host: Engine, stage: string): Promise<void> {
  const filters = ["--filter=dangling=true", `--filter=label=${STAGE_LABEL}=${stage}`];
  const listed = await takeDown(host, ["image", "ls", "--quiet", "--no-trunc", ...filters]);
  const ids = [...new Set(listed.split("\n").filter((id) => id !== ""))];
  if (ids.length > 0) await takeDown(host, ["rmi", ...ids]);
}
