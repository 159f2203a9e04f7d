import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { packIn } from "../../preview/policy/pack.ts";
import { REPOSITORY } from "../../rehearsal/project-copy.ts";
import { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { compared, type Figure } from "./figure.ts";
import { inTurn, seconds } from "./statistics.ts";

/** `npm run preview` of dev, and the policy pack, each against `pulumi preview` alone. The stack is up, in the rehearsal. */
export async function previewCommandFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const stack = await Rehearsal.create({ stack: "dev" });
  try {
    const { engine } = stack;
    const folder = engine.folder;
    const up = await engine.up();
    if (up.exitCode !== 0) throw new Error(up.all);
    // The command is the project's own: it has to lie in the project, which git knows.
    for (const name of ["policy", "preview", "rehearsal"])
      await cp(join(REPOSITORY, name), join(folder, name), { recursive: true, force: false });
    await writeFile(join(folder, ".gitignore"), "node_modules\n");
    const git = async (...args: string[]): Promise<void> =>
      void (await execa("git", ["-c", "user.name=bench", "-c", "user.email=bench@example.com", ...args], {
        cwd: folder,
      }));
    await git("init", "--quiet");
    await git("add", "--all");
    await git("commit", "--quiet", "--no-verify", "--message", "bench");
    const pack = await packIn(join(folder, "policy"));
    const file = join(folder, "Pulumi.dev.yaml");
    const unchanged = await readFile(file, "utf8");
    // A value that many resources have: each of them is shown with it.
    const changed = parseDocument(unchanged);
    changed.setIn(["config", "cloister:tags", "bench"], "both");
    const command = async (args: readonly string[], shown = "no change"): Promise<number> =>
      await seconds(async () => {
        const all = ["lib/run-bundled.cjs", "preview/main.ts", "--stack", "dev", ...args];
        const { stdout } = await execa(process.execPath, all, { cwd: folder, env: engine.env, stdin: "ignore" });
        if (!stdout.includes(shown)) throw new Error(`the comment is another one:\n${stdout}`);
      });
    /** With the head's file changed and not committed, so that the base has another. */
    const differing = async (action: () => Promise<number>): Promise<number> => {
      await writeFile(file, changed.toString());
      try {
        return await action();
      } finally {
        await writeFile(file, unchanged);
      }
    };
    const preview = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> =>
      await seconds(async () => {
        const { exitCode, all } = await engine.run(["preview", "--stack", "dev", ...args], env);
        if (exitCode !== 0) throw new Error(all);
      });
    const sides = {
      alone: () => preview([], {}),
      judged: () => preview(["--policy-pack", pack.folder], pack.env),
      whole: () => command([]),
      unjudged: () => command(["--no-policies"]),
      both: () => command(["--both"]),
      aloneChanged: () => differing(() => preview([], {})),
      bothDiffer: () => differing(() => command(["--both"], "`cloister:tags")),
      drift: () => command(["--no-policies", "--drift"]),
    };
    // Not counted: bundles and caches are made.
    for (const side of Object.values(sides)) await side();
    report("the command against the engine");
    const time = await inTurn(runs, sides);
    const alone = "`pulumi preview` alone";
    return [
      compared("`npm run preview -- --stack dev`, with policies", time.whole, alone, time.alone, {
        unit: "s",
        bound: 1.5,
        note: "without npm's own start",
      }),
      compared("the same, base and head both, of one configuration", time.both, alone, time.alone, {
        unit: "s",
        bound: 2.5,
        note: "they are one preview",
      }),
      compared(
        "the same, base and head both, which differ",
        time.bothDiffer,
        `${alone}, of the head`,
        time.aloneChanged,
        { unit: "s", bound: 2.5, note: "both at the same time" },
      ),
      compared("the same without policies", time.unjudged, alone, time.alone, { unit: "s" }),
      compared("the same without policies, with `--drift`", time.drift, alone, time.alone, { unit: "s" }),
      compared("`pulumi preview` with the policy pack", time.judged, alone, time.alone, { unit: "s", bound: 1.3 }),
    ];
  } finally {
    await stack.dispose();
  }
}
