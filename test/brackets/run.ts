import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { StandInName } from "../../images/base/types.ts";
import { livingFilter, livingProcess } from "../../infra/local/host/living.ts";
import { pathsIn } from "../../infra/local/paths.ts";
import { VERSIONS_FILE } from "./versions.ts";

/** The machine's tests on one image. */
export interface Outcome {
  readonly image: StandInName;
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** As the machine told them; empty when it did not come that far. */
  readonly versions: Readonly<Record<string, string>>;
  /** Processes that the tests left and that were ended here. */
  readonly left: readonly number[];
}

export interface Run {
  /** Arguments of mocha, after the test's file. */
  readonly mocha?: readonly string[];
  readonly stopped: AbortSignal;
  readonly print: (line: string) => void;
  /** The program that runs the tests. Only tests of this set it. */
  readonly command?: readonly string[];
}

const COMMAND = [process.execPath, "--import", "tsx", "node_modules/mocha/lib/cli/cli.js", "test/vm/machine.test.ts"];

/** Runs the machine's tests on an image, and takes down what they left, however they ended. */
export async function runOn(
  image: StandInName,
  { mocha = [], stopped, print, command = COMMAND }: Run,
): Promise<Outcome> {
  const startedAt = Date.now();
  const folder = await mkdtemp(join(tmpdir(), "cloister-bracket-"));
  const versions = join(folder, "versions.json");
  const [program = "", ...args] = [...command, ...mocha];
  const env = { ...process.env, TMPDIR: folder, CLOISTER_TEST_BASE_IMAGE: image, [VERSIONS_FILE]: versions };
  try {
    // In a process group of its own: of a Ctrl-C it gets what is passed on, and not a second one.
    const running = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env, detached: true });
    const ended = new Promise<number>((resolve, reject) => {
      running.once("error", reject);
      running.once("exit", (code) => resolve(code ?? 1));
    });
    const stop = () => running.kill("SIGINT");
    stopped.addEventListener("abort", stop);
    const counts = { passing: 0, failing: 0 };
    for await (const line of createInterface({ input: running.stdout })) {
      print(line);
      const [, number, word] = /^\s+(\d+) (passing|failing)\b/.exec(line) ?? [];
      if (word === "passing" || word === "failing") counts[word] += Number(number);
    }
    const code = await ended;
    stopped.removeEventListener("abort", stop);
    const left = takeDown(folder);
    return {
      image,
      ok: code === 0 && counts.passing > 0 && left.length === 0,
      passed: counts.passing,
      failed: counts.failing,
      seconds: Math.round((Date.now() - startedAt) / 1000),
      versions: readVersions(versions),
      left,
    };
  } finally {
    takeDown(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Ends the processes of machines whose state is below a folder, and returns their numbers. */
function takeDown(folder: string): number[] {
  const states = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const state = join(folder, entry.name, "project/.cloister");
    if (!entry.isDirectory()) return [];
    return namesIn(state).map((name) => pathsIn(join(state, name)));
  });
  const left = states
    .flatMap((paths) => [livingProcess(paths)?.pid, livingFilter(paths)])
    .filter((pid) => pid !== undefined);
  for (const pid of left) process.kill(pid, "SIGKILL");
  return left;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readVersions(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}
