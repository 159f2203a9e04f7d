import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { type Engine, engine, findEngine } from "../../infra/container/engine.ts";
import { ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { containerOptions, DEFAULTS, type Folder, optionWords, SECCOMP } from "../../infra/container/options.ts";
import { compared, type Figure } from "./figure.ts";
import { STEPS as MACHINE_STEPS } from "./folders.ts";
import { inTurn } from "./statistics.ts";

const USER =
  process.getuid?.() === 0
    ? { uid: 1000, gid: 1000 }
    : { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };

const CLOISTER = "/opt/cloister/bin/cloister";
const NODE = "/opt/cloister/bin/node";

/** Printed by the command whose start is measured. */
const BEGUN = "begun";

/** The work that is timed, in the folder that it is started in: it prints the milliseconds of each step as JSON. */
const WORK = `
const fs = require("fs"), { execFileSync } = require("child_process");
const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_AUTHOR_NAME: "b", GIT_AUTHOR_EMAIL: "b@b", GIT_COMMITTER_NAME: "b", GIT_COMMITTER_EMAIL: "b@b" };
const times = {}, all = Array.from({ length: 1000 }, (_, n) => "small/" + n), block = Buffer.alloc(1 << 20, 120);
const git = (...words) => execFileSync("git", ["-c", "gc.auto=0", ...words], { env, stdio: ["ignore", "ignore", "inherit"] });
const step = (name, work) => { const start = performance.now(); work(); times[name] = performance.now() - start; };
fs.mkdirSync("small");
step("create", () => { for (const one of all) fs.writeFileSync(one, "x".repeat(500)); });
step("read", () => { for (const one of all) fs.readFileSync(one); });
step("commit", () => { git("init", "-q", "."); git("add", "small"); git("commit", "-q", "-m", "one"); });
step("write", () => { const file = fs.openSync("big", "w"); for (let n = 0; n < 128; n++) fs.writeSync(file, block); fs.fsyncSync(file); fs.closeSync(file); });
step("again", () => { const file = fs.openSync("big"); while (fs.readSync(file, block) > 0); fs.closeSync(file); });
step("delete", () => { for (const one of all) fs.unlinkSync(one); });
console.log(JSON.stringify(times));
`;

/** The steps of {@link WORK}: those that are timed on a machine, without `look`. */
const { look: _, ...STEPS } = MACHINE_STEPS;
type Step = keyof typeof STEPS;
type Times = Readonly<Record<Step, number>>;

/** A container against the engine itself: its start, and work in its folders. Each side in turn. */
export async function containerFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const host = await findEngine();
  const { name: image } = await ensureContainerImage(host, {
    arch: archOfThisComputer(),
    base: FROM_PACKAGES,
    report,
  });
  return [await startFigure(host, image, runs, report), ...(await folderFigures(host, image, runs, report))];
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
  const running = engine(host, words, { stdin: "ignore", buffer: false });
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
  const base = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  const name = `cloister-bench-${process.pid}`;
  const work = join(base, "work");
  const emptied = async () => {
    await rm(work, { recursive: true, force: true });
    await mkdir(work);
    if (process.getuid?.() === 0) await chown(work, USER.uid, USER.gid);
  };
  const timed = async (what: string, words: readonly string[]): Promise<Times> => {
    await emptied();
    // A container keeps the folder that it was started with, so each run has one of its own.
    const folders = [{ source: work, name: "work", mode: "rwd" }] as const;
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
      const told = Object.entries(times).map(([step, time]) => `${step} ${time.toFixed(0)}`);
      report(`${what}: ${told.join(", ")} ms`);
      return times;
    } finally {
      await engine(host, ["rm", "--force", name], { reject: false, stdin: "ignore" });
    }
  };
  const sealed = (mode: string) => () =>
    timed(mode, [
      ...[CLOISTER, "run", "--mount", `/folders/work:work:${mode}`, "--cwd", "mnt/work", "--"],
      ...[NODE, "-e", WORK],
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
    await rm(base, { recursive: true, force: true });
  }
}
