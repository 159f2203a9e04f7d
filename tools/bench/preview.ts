import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { rememberStart } from "../../infra/local/host/process.ts";
import { emptyBench, localBench } from "./bench-stack.ts";
import { compared, type Figure } from "./figure.ts";
import { inTurn, seconds } from "./statistics.ts";

/** A preview of the unchanged local stack against one of an empty program. Needs a machine: `up` is run first. */
export async function previewFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const [local, empty] = [await localBench(), await emptyBench()];
  const preview = ["preview", "--expect-no-changes", "-s", "bench"];
  try {
    for (const bench of [local, empty]) await bench.pulumi("up", "--yes", "--skip-preview", "-s", "bench");
    // The running machine would take CPU time from both sides; PowerState needs a process with its mark to look at.
    const mark = await standInMachine(local.paths);
    try {
      for (const bench of [local, empty]) await bench.pulumi(...preview);
      const { first, second } = await inTurn(
        runs,
        () => seconds(() => local.pulumi(...preview)),
        () => seconds(() => empty.pulumi(...preview)),
      );
      report(
        `previews: ${first.map((s) => s.toFixed(1)).join(" ")} against ${second.map((s) => s.toFixed(1)).join(" ")} s`,
      );
      return [
        compared("preview of the unchanged local stack", first, "of an empty program", second, {
          unit: "s",
          bound: 1.5,
        }),
      ];
    } finally {
      mark.kill();
    }
  } finally {
    for (const bench of [local, empty]) await bench.dispose();
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
