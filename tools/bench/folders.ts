import { compared, type Figure } from "./figure.ts";
import { inTurn } from "./statistics.ts";

/** Runs a command on the machine as its operator, and returns what it printed. */
export type OnMachine = (...command: string[]) => Promise<string>;

/** Where the folder lies on the machine: on the session disk, as folders of operators do. */
const FOLDER = "/sessions/folders/bench";

/**
 * The work that is timed, in the folder that it is started in. It prints the seconds of each step as JSON. Git has settings of
 * its own, so that both sides do the same.
 */
const WORK = `
import json, os, shutil, subprocess, time
os.environ.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@b", GIT_COMMITTER_NAME="b", GIT_COMMITTER_EMAIL="b@b")
times = {}
def step(name, work):
    start = time.monotonic()
    work()
    times[name] = time.monotonic() - start
def git(*words):
    subprocess.run(["git", "-c", "gc.auto=0", *words], check=True, stdout=subprocess.DEVNULL)
def create():
    for n in range(FILES):
        with open(f"small/{n}", "w") as file: file.write("x" * 500)
def read():
    for n in range(FILES):
        with open(f"small/{n}") as file: file.read()
def commit():
    git("init", "-q", "."); git("add", "small"); git("commit", "-q", "-m", "one")
def look():
    git("status", "--short"); subprocess.run(["grep", "-rc", "y", "small"], stdout=subprocess.DEVNULL)
def write():
    block = b"x" * (1 << 20)
    with open("big", "wb") as file:
        for _ in range(MIB): file.write(block)
        file.flush(); os.fsync(file.fileno())
def again():
    with open("big", "rb") as file:
        while file.read(1 << 20): pass
def delete():
    for n in range(FILES): os.unlink(f"small/{n}")
os.mkdir("small")
for one in (create, read, commit, look, write, again, delete): step(one.__name__, one)
print(json.dumps(times))
`;

/** The steps of {@link WORK}, as the figures name them. */
export const STEPS = {
  create: "1,000 small files created",
  read: "1,000 small files read",
  commit: "git init, add and commit of 1,000 files",
  look: "git status and grep over 1,000 files",
  write: "128 MiB written",
  again: "128 MiB read",
  delete: "1,000 files of its own deleted",
} as const;
type Step = keyof typeof STEPS;
type Times = Readonly<Record<Step, number>>;

/**
 * Work in a folder that a session has, against the same work in the folder itself by the folder's owner, outside. Deletions in
 * mode `rw` are answered by the deletion guard (docs/decisions/0001-deletion-guard.md) and may cost more.
 */
export async function folderFigures(
  onMachine: OnMachine,
  runs: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  const work = WORK.replaceAll("FILES", "1000").replaceAll("MIB", "128");
  const timed = async (name: string, run: () => Promise<string>): Promise<Times> => {
    await onMachine("rm", "-rf", FOLDER);
    await onMachine("mkdir", "-p", FOLDER);
    const times = JSON.parse(await run()) as Times;
    report(
      `${name}: ${Object.entries(times)
        .map(([step, time]) => `${step} ${time.toFixed(2)} s`)
        .join(", ")}`,
    );
    return times;
  };
  const sealed = (mode: string) => () =>
    timed(mode, () => {
      const mount = ["--mount", `${FOLDER}:work:${mode}`];
      const script = 'cd "$HOME/mnt/work" && exec python3 -c "$0"';
      return onMachine("sudo", "cloister", "run", ...mount, "--", "sh", "-c", script, work);
    });
  const outside = () => timed("outside", () => onMachine("sh", "-c", `cd ${FOLDER} && exec python3 -c "$0"`, work));
  const all = await inTurn(runs, { outside, rwd: sealed("rwd"), rw: sealed("rw") });
  await onMachine("rm", "-rf", FOLDER);
  return (["rwd", "rw"] as const).flatMap((mode) =>
    (Object.keys(STEPS) as Step[]).map((step) =>
      compared(
        `${STEPS[step]}, in a folder of mode \`${mode}\``,
        all[mode].map((times) => times[step]),
        "in the folder itself, outside",
        all.outside.map((times) => times[step]),
        { unit: "s", bound: mode === "rw" && step === "delete" ? 5 : 1.1 },
      ),
    ),
  );
}
