import { chown, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { ensureContext } from "../../images/container/context.ts";
import { ensurePackages } from "../../images/runtime/packages.ts";
import { type Engine, engine, findEngine, startEngine } from "../../infra/container/engine.ts";
import { ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerOptions, DEFAULTS, type Folder, optionWords, SECCOMP } from "../../infra/container/options.ts";
import { Store } from "../../lib/store.ts";
import { compared, type Figure } from "./figure.ts";
import { STEPS as MACHINE_STEPS } from "./folders.ts";
import { inTurn } from "./statistics.ts";

const USER =
  process.getuid?.() === 0
    ? { uid: 1000, gid: 1000 }
    : { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };

const CLOISTER = "/opt/cloister/bin/cloister";
const NODE = "/opt/cloister/bin/node";

/** A file system in memory, on Linux. */
const MEMORY = "/dev/shm";

/** Printed by the command whose start is measured. */
const BEGUN = "begun";

/** How often each container does the work: the median of a step counts, so that what disturbs one round disturbs no figure. */
const ROUNDS = 7;

/**
 * The work that is timed, in the folder that it is started in: it prints the milliseconds of each step as JSON. That folder is in
 * memory, where it can be, since a disk that others use takes many times what is compared here. What waits for a disk is a step of
 * its own, in the folder beside.
 */
const WORK = `
const fs = require("fs"), { execFileSync } = require("child_process");
const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_AUTHOR_NAME: "b", GIT_AUTHOR_EMAIL: "b@b", GIT_COMMITTER_NAME: "b", GIT_COMMITTER_EMAIL: "b@b" };
const all = Array.from({ length: 1000 }, (_, n) => "small/" + n), block = Buffer.alloc(1 << 20, 120), text = "x".repeat(500);
const git = (...words) => execFileSync("git", ["-c", "gc.auto=0", ...words], { env, stdio: ["ignore", "ignore", "inherit"] });
const put = (path, blocks, sync) => { const file = fs.openSync(path, "w"); for (let n = 0; n < blocks; n++) { fs.writeSync(file, block); if (sync) fs.fsyncSync(file); } fs.closeSync(file); };
const steps = {
  create() { for (const one of all) fs.writeFileSync(one, text); },
  read() { for (const one of all) fs.readFileSync(one); },
  commit() { git("init", "-q", "."); git("add", "small"); git("commit", "-q", "-m", "one"); },
  write() { put("big", 128, false); },
  again() { const file = fs.openSync("big"); while (fs.readSync(file, block) > 0); fs.closeSync(file); },
  delete() { for (const one of all) fs.unlinkSync(one); },
  sync() { put("../disk/synced", 8, true); },
};
const times = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
for (let round = 0; round < ${ROUNDS}; round++) {
  fs.mkdirSync("small");
  for (const [name, work] of Object.entries(steps)) { const start = performance.now(); work(); times[name].push(performance.now() - start); }
  for (const path of ["small", ".git", "big", "../disk/synced"]) fs.rmSync(path, { recursive: true });
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(JSON.stringify(Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))));
`;

/** The steps of {@link WORK}: most are those that are timed on a machine. */
const { look: _, ...SHARED } = MACHINE_STEPS;
const STEPS = { ...SHARED, sync: "8 MiB written to a disk, each of them with fsync" };
type Step = keyof typeof STEPS;
type Times = Readonly<Record<Step, number>>;

/** A round takes seconds, and its parts some milliseconds: of fewer rounds the median is the computer's noise. */
const FOLDER_RUNS = 15;

/** A container against the engine itself: its start, and work in its folders. Each side in turn. */
export async function containerFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const host = await findEngine();
  const { name: image } = await ensureContainerImage(host, {
    arch: archOfThisComputer(),
    base: FROM_PACKAGES,
    report,
  });
  return [
    await sizeFigure(host, image),
    await startFigure(host, image, runs, report),
    ...(await folderFigures(host, image, Math.max(runs, FOLDER_RUNS), report)),
  ];
}

const optionsFor = (host: Engine, folders: readonly Folder[] = []): string[] =>
  optionWords(containerOptions(host, { ...DEFAULTS, user: USER, folders, seccomp: SECCOMP }));

async function startFigure(host: Engine, image: string, runs: number, report: (line: string) => void): Promise<Figure> {
  const options = ["run", "--rm", "--no-healthcheck", ...optionsFor(host)];
  const timed = async (name: string, words: readonly string[]) => {
    const time = await untilBegun(host, words);
    report(`${name}: ${time.toFixed(0)} ms`);
    return time;
  };
  const all = await inTurn(runs, {
    plain: () => timed("the engine's own start", [...options, "--entrypoint=/bin/echo", image, BEGUN]),
    sealed: () => timed("a sealed command", [...options, image, "run", "--", "echo", BEGUN]),
  });
  return compared(
    "from `run` to the first sealed command",
    all.sealed,
    "the engine's own start of the same image, with the same options",
    all.plain,
    { unit: "ms", bound: 2 },
  );
}

/** Milliseconds from the engine's start to the command's first word. */
async function untilBegun(host: Engine, words: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const running = startEngine(host, words, { stdin: "ignore", buffer: false });
  let begun: number | undefined;
  running.stdout?.once("data", () => {
    begun = performance.now() - startedAt;
  });
  await running;
  if (begun === undefined) throw new Error(`the command did not say ${BEGUN}`);
  return begun;
}

async function folderFigures(
  host: Engine,
  image: string,
  runs: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const memory = await mkdtemp(join((await isFolder(MEMORY)) ? MEMORY : tmpdir(), "cloister-bench-"));
  const onDisk = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  const name = `cloister-bench-${process.pid}`;
  const [work, disk] = [join(memory, "work"), join(onDisk, "disk")];
  const emptied = async () => {
    for (const folder of [work, disk]) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
      if (process.getuid?.() === 0) await chown(folder, USER.uid, USER.gid);
    }
  };
  const timed = async (what: string, words: readonly string[]): Promise<Times> => {
    await emptied();
    // A container keeps the folder that it was started with, so each run has one of its own.
    const folders = (["work", "disk"] as const).map((one) => ({
      source: { work, disk }[one],
      name: one,
      mode: "rwd" as const,
    }));
    await engine(
      host,
      ["run", "--detach", "--no-healthcheck", `--name=${name}`, ...optionsFor(host, folders), image, "wait"],
      {
        stdin: "ignore",
      },
    );
    try {
      const { stdout } = await engine(host, ["exec", name, ...words], { stdin: "ignore" });
      const times = JSON.parse(String(stdout)) as Times;
      const told = Object.entries(times).map(([step, time]) => `${step} ${time.toFixed(1)}`);
      report(`${what}: ${told.join(", ")} ms`);
      return times;
    } finally {
      await engine(host, ["rm", "--force", name], { reject: false, stdin: "ignore" });
    }
  };
  const sealed = (mode: string) => () =>
    timed(mode, [
      ...[CLOISTER, "run", "--mount", `/folders/work:work:${mode}`, "--mount", `/folders/disk:disk:${mode}`],
      ...["--cwd", "mnt/work", "--"],
      // For a session's proxy Node loads a client of its own first, which makes the first reads a tenth slower in any folder.
      ...["env", "-u", "NODE_USE_ENV_PROXY", NODE, "-e", WORK],
    ]);
  const plain = () => timed("a plain bind", ["bash", "-c", `cd /folders/work && exec ${NODE} -e "$0"`, WORK]);
  try {
    const all = await inTurn(runs, { plain, rwd: sealed("rwd"), rw: sealed("rw") });
    return (["rwd", "rw"] as const).flatMap((mode) =>
      (Object.keys(STEPS) as Step[]).map((step) =>
        compared(
          `${STEPS[step]}, in a folder of mode \`${mode}\` of a container`,
          all[mode].map((times) => times[step]),
          "in the container's own bind, outside of a session",
          all.plain.map((times) => times[step]),
          // In rw each deletion is answered by the guard, as on a machine.
          { unit: "ms", bound: mode === "rw" && step === "delete" ? 5 : 1.1 },
        ),
      ),
    );
  } finally {
    for (const folder of [memory, onDisk]) await rm(folder, { recursive: true, force: true });
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** The image's size, and that of the agent and Node in it, from the context that it is made in. */
async function sizeFigure(host: Engine, image: string): Promise<Figure> {
  const { stdout } = await engine(host, ["image", "inspect", "--format", "{{.Size}}", image], { stdin: "ignore" });
  const { node, claude } = await ensurePackages(new Store(), archOfThisComputer(), () => {});
  const published = (await Promise.all([node, claude].map(async (path) => (await stat(path)).size))).reduce(
    (a, b) => a + b,
  );
  const mib = (bytes: number) => [bytes / 2 ** 20];
  const { path } = await ensureContext({ arch: archOfThisComputer() });
  const trimmed = (await stat(join(path, "runtime/bin/node"))).size + (await stat(claude)).size;
  return compared("the image's size", mib(Number(stdout)), "agent and Node, as they are published", mib(published), {
    unit: "MiB",
    bound: 1.25,
    note: `${(Number(stdout) / trimmed).toFixed(2)}x of both as the image has them, Node without symbols`,
  });
}
