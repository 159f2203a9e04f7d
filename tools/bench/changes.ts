import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { execa } from "execa";
import type { Figure } from "./figure.ts";
import { spread } from "./statistics.ts";

const folder = fileURLToPath(new URL("../../", import.meta.url));

/** From a finished preview of more than 1,000 resources to the comment, in a process of its own: time and most memory. */
export async function changeFigures(runs: number, report: (line: string) => void): Promise<Figure[]> {
  const temporary = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  try {
    const recorded = await readFile(join(folder, "test/support/preview/recorded/hundred-machines.json.br"));
    const { events, state } = JSON.parse(brotliDecompressSync(recorded).toString("utf8")) as Record<
      "events" | "state",
      string
    >;
    const lines = events.split("\n");
    // The hundred machines once more under other names.
    const more = lines.filter((line) => line.includes("agent-")).map((line) => line.replaceAll("agent-", "other-"));
    const all = [...lines.slice(0, -2), ...more, ...lines.slice(-2)]
      .join("\n")
      .replace('"create":600', '"create":1200');
    const file = (name: string): string => join(temporary, name);
    await writeFile(file("events.jsonl"), all);
    await writeFile(file("state.json"), state);
    await writeFile(
      file("memory.cjs"),
      'process.on("exit", () => require("fs").writeSync(2, " maxRSS=" + process.resourceUsage().maxRSS));',
    );
    const of = ["--events", file("events.jsonl"), "--state", file("state.json")];
    const args = ["--require", file("memory.cjs"), "lib/run-bundled.cjs", "preview/main.ts", "--stack", "dev", ...of];
    const [seconds, megabytes]: [number[], number[]] = [[], []];
    for (let i = -1; i < runs; i++) {
      const { durationMs, stdout, stderr } = await execa("node", args, { cwd: folder });
      if (!stdout.includes("200 machines created")) throw new Error(`the comment is not of 200 machines:\n${stdout}`);
      // The first one makes the bundle.
      if (i < 0) continue;
      seconds.push(durationMs / 1000);
      megabytes.push(Number(/maxRSS=(\d+)/.exec(stderr)?.[1]) / 1024);
    }
    report("comments");
    const what = "from a finished preview of 1,071 resources to the comment";
    return [
      { what, measured: spread(seconds), unit: "s", bound: 1 },
      { what: `${what}, most memory`, measured: spread(megabytes), unit: "MB", bound: 200 },
    ];
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
