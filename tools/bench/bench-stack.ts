import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { livingProcess } from "../../infra/local/host/living.ts";
import { stopMachine } from "../../infra/local/host/process.ts";
import { type Paths, pathsOf } from "../../infra/local/paths.ts";
import { copyProject } from "../../rehearsal/project-copy.ts";
import { ensureToolchain } from "../../toolchain/index.ts";

/** A copy of the project with state of its own, so that measuring does not touch the user's machine. */
export interface BenchStack {
  readonly project: string;
  readonly paths: Paths;
  /** Runs Pulumi in this project; throws with its output when it fails. */
  pulumi(...args: string[]): Promise<string>;
  dispose(): Promise<void>;
}

/** The stack `local` of this project, without a machine yet. */
export async function localBench(): Promise<BenchStack> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  const project = join(folder, "project");
  await copyProject(project);
  await writeFile(join(project, "Pulumi.bench.yaml"), "config:\n  cloister:target: local\n");
  return await benchOf(folder, project, pathsOf(project, "bench"));
}

const EMPTY = 'import * as pulumi from "@pulumi/pulumi";\n\nexport const stack = pulumi.getStack();\n';

/** A program that does nothing, as Pulumi runs it by itself; in plain JavaScript, so that nothing need be transpiled. */
export async function emptyBench(): Promise<BenchStack> {
  const bench = await trimmedEmptyBench();
  const settings = { name: "nodejs", options: { typescript: false } };
  await writeFile(
    join(bench.project, "Pulumi.yaml"),
    stringify({ name: "cloister", main: "infra/main.mjs", runtime: settings }),
  );
  return bench;
}

/** The same with this project's own settings for Node, which leave out large parts of what its SDK loads (toolchain/lean-sdk.cjs). */
export async function trimmedEmptyBench(): Promise<BenchStack> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  const project = join(folder, "project");
  await copyProject(project);
  await writeFile(join(project, "infra", "main.mjs"), EMPTY);
  return await benchOf(folder, project, pathsOf(project, "bench"));
}

async function benchOf(folder: string, project: string, paths: Paths): Promise<BenchStack> {
  const toolchain = await ensureToolchain({ deep: false });
  const env = {
    ...toolchain.env,
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const pulumi = async (...args: string[]): Promise<string> => {
    const { all, exitCode } = await execa(toolchain.pulumi, [...args, "--non-interactive", "--color=never"], {
      cwd: project,
      env,
      all: true,
      reject: false,
      stdin: "ignore",
    });
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} failed:\n${all}`);
    return all;
  };
  await pulumi("stack", "init", "bench");
  return {
    project,
    paths,
    pulumi,
    async dispose() {
      await pulumi("destroy", "--yes", "--skip-preview", "-s", "bench").catch(() => {});
      if (livingProcess(paths)) await stopMachine(paths, 0);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
