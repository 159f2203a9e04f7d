import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { rememberStart } from "../../infra/local/host/process.ts";
import { type BenchStack, emptyBench, localBench, trimmedEmptyBench } from "./bench-stack.ts";
import { compared, type Figure } from "./figure.ts";
import { inTurn, seconds } from "./statistics.ts";

/** A preview of the unchanged local stack against one of an empty program. Needs a machine: `up` is run first. */
export async function previewFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const [local, empty, trimmed] = [await localBench(), await emptyBench(), await trimmedEmptyBench()];
  const all = [local, empty, trimmed];
  const preview = ["preview", "--expect-no-changes", "-s", "bench"];
  try {
    for (const bench of all) await bench.pulumi("up", "--yes", "--skip-preview", "-s", "bench");
    // The running machine would take CPU time from both sides; PowerState needs a process with its mark to look at.
    const mark = await standInMachine(local.paths);
    try {
      for (const bench of all) await bench.pulumi(...preview);
      const of = (bench: BenchStack) => () => seconds(() => bench.pulumi(...preview));
      const time = await inTurn(runs, { local: of(local), empty: of(empty), trimmed: of(trimmed) });
      report("previews");
      const [what, promised] = ["preview of the unchanged local stack", { unit: "s", bound: 1.5 }] as const;
      return [
        compared(what, time.local, "of an empty program", time.empty, promised),
        compared(what, time.local, "of an empty program with our part of Pulumi's SDK", time.trimmed, promised),
      ];
    } finally {
      mark.kill();
    }
  } finally {
    for (const bench of all) await bench.dispose();
  }
}

async function standInMachine(paths: Parameters<typeof rememberStart>[0]) {
  const { stopMachine } = await import("../../infra/local/host/process.ts");
  await stopMachine(paths, 0);
  await mkdir(paths.root, { recursive: true });
  const child = spawn("sleep", ["3600"], { argv0: paths.marker, stdio: "ignore" });
  await writeFile(paths.pid, String(child.pid));
  await rememberStart(paths, { sshPort: 1, accelerator: "tcg" });
  return child;
}
