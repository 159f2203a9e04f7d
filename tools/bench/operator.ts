import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { endConnection } from "../../infra/local/connection.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { shellQuoted, sshArguments } from "../../infra/local/ssh.ts";
import { type BenchStack, localBench } from "./bench-stack.ts";
import { compared, type Figure } from "./figure.ts";
import { inTurn, seconds, spread } from "./statistics.ts";

const UP = ["up", "--yes", "--skip-preview", "-s", "bench"];

/** The operator's command against bare ssh, with one real machine. */
export async function operatorFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const bench = await localBench();
  try {
    await bench.pulumi(...UP);
    return await commandFigures(bench, runs, report);
  } finally {
    await bench.dispose();
  }
}

/** The same with a machine that is up. */
export async function commandFigures(
  { project, paths }: Pick<BenchStack, "project" | "paths">,
  runs: number,
  report: (line: string) => void,
): Promise<Figure[]> {
  // The stack is in the project's own backend, as `npm start` makes it: outputs are kept then.
  await cp(join(dirname(project), ".pulumi"), join(project, ".cloister", "state", ".pulumi"), { recursive: true });
  const port = livingProcess(paths)?.sshPort ?? 0;
  const ssh = async (...command: string[]): Promise<void> => {
    const words = command.map(shellQuoted).join(" ");
    await execa("ssh", [...sshArguments(paths, port), words], { stdin: "ignore" });
  };
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PULUMI|CLOISTER)_/.test(name)));
  const cloister = async (...words: string[]): Promise<void> => {
    const command = [join(project, "cli", "bin.mjs"), "--stack", "bench", ...words];
    await execa(process.execPath, command, { cwd: project, env, extendEnv: false, stdin: "ignore" });
  };
  const timed = (what: string, action: () => Promise<void>) => async () => {
    const time = await seconds(action);
    report(`${what}: ${time.toFixed(2)} s`);
    return time;
  };
  // Not counted: makes the bundle, and keeps the outputs.
  await cloister("run", "--", "true");
  const times = await inTurn(runs, {
    ours: timed("cloister run", () => cloister("run", "--", "true")),
    bare: timed("ssh, sudo cloister run", () => ssh("sudo", "cloister", "run", "--", "true")),
    first: timed("cloister run, first connection", async () => {
      await endConnection(paths);
      await cloister("run", "--", "true");
    }),
    login: timed("ssh, true", () => ssh("true")),
    version: timed("cloister --version", () => cloister("--version")),
  });
  await endConnection(paths);
  return [
    compared("`cloister run -- true`", times.ours, "`ssh HOST sudo cloister run -- true`", times.bare, {
      unit: "s",
      bound: 1.2,
      note: "the connection is kept from the command before",
    }),
    { what: "the same, and the connection is opened", measured: spread(times.first), unit: "s" },
    { what: "of that: `ssh HOST true`, its handshakes and the login", measured: spread(times.login), unit: "s" },
    { what: "of that: the command's own start (`cloister --version`)", measured: spread(times.version), unit: "s" },
  ];
}
