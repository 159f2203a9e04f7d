import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Paths } from "../../infra/local/paths.ts";
import { shellQuoted, sshArguments } from "../../infra/local/ssh.ts";
import type { Report } from "../lib/store.ts";

/** Folder on the machine that the first session works in; it is on the session disk. */
const FOLDER = "/sessions/folders/first-session";

const QUESTION = `Colours
=======
red    3
green  5
blue   4
`;

const TASK =
  "Read mnt/work/question.txt. With the Bash tool, add up the numbers in it. " +
  "Write the sum, and one line on how you got it, to mnt/work/answer.txt.";

/** What became of the first session. */
export interface FirstSession {
  /** Whether it ran now, or had been run on this session disk before. */
  readonly ranNow: boolean;
  /** What the agent wrote. */
  readonly answer: string;
  /** Where the answer was copied to on this computer. */
  readonly file: string;
  /** Whether the model's real API answered, or the scripted demo. */
  readonly model: "api" | "demo";
}

/**
 * Lets the real agent do a small task in a sealed session: it reads a file from a mounted folder, runs a command and writes
 * a result beside it. With `ANTHROPIC_API_KEY` set the model's real API is asked; the key is put into a file in the
 * machine's memory that only root reads, and a relay outside the sandbox adds it to requests.
 *
 * @param again runs it even when the answer of an earlier run is there
 */
export async function firstSession(
  paths: Paths,
  port: number,
  options: { readonly again: boolean; readonly report: Report; readonly apiKey: string | undefined },
): Promise<FirstSession> {
  const ssh = async (command: string[], input = ""): Promise<string> => {
    const { stdout } = await execa("ssh", [...sshArguments(paths, port), ...command.map(shellQuoted)], { input });
    return stdout;
  };
  const folder = paths.firstSession;
  const file = join(folder, "answer.txt");
  const keep = async (answer: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(file, answer.endsWith("\n") ? answer : `${answer}\n`);
  };
  const model = options.apiKey ? "api" : "demo";
  if (!options.again) {
    const before = await readFile(file, "utf8").catch(() => "");
    if (before !== "") return { ranNow: false, answer: before.trimEnd(), file, model };
  }
  await ssh(["mkdir", "-p", FOLDER]);
  await ssh(["sh", "-c", `cat > ${FOLDER}/question.txt && rm -f ${FOLDER}/answer.txt`], QUESTION);
  if (options.apiKey) {
    await ssh(["sudo", "install", "-D", "-m", "600", "/dev/stdin", "/run/cloister/model-key"], options.apiKey);
  }
  options.report(model === "api" ? "the model's API answers" : "no ANTHROPIC_API_KEY: a scripted demo model answers");
  const sealed = ["sudo", "cloister", "run", "--agent", "--mount", `${FOLDER}:work:rw`, "--", "claude", "-p", TASK];
  const child = execa("ssh", [...sshArguments(paths, port), ...sealed.map(shellQuoted)], {
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: 900_000,
  });
  for await (const line of child.iterable({ from: "all" })) options.report(line);
  const { exitCode, all } = await child;
  if (exitCode !== 0) throw new Error(`the first session failed with exit code ${exitCode}:\n${all}`);
  const answer = await ssh(["cat", `${FOLDER}/answer.txt`]);
  await keep(answer);
  return { ranNow: true, answer, file, model };
}
