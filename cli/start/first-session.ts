import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { demoTask, reportName } from "../../guest/agent/demo-script.ts";
import { neutral } from "../../guest/lib/neutral.ts";
import type { Paths } from "../../infra/local/paths.ts";
import { OPERATOR, shellQuoted, sshArguments } from "../../infra/local/ssh.ts";
import type { Report } from "../../lib/store.ts";

/** Folder on the machine that the first session works in; it is on the session disk. */
const FOLDER = "/sessions/folders/first-session";

const NOTES = `A machine for an agent to work in, and nothing else.
It has no network but a proxy that knows what is allowed,
no key that is worth stealing, and no folder but the ones it was given.
`;
const FILE = "notes.txt";
/** The agent writes its report here, beside the file. */
const REPORT = reportName(FILE);

/** The result of the first session. */
export interface FirstSession {
  /** True when it ran now, false when it had run on this session disk before. */
  readonly ranNow: boolean;
  /** The agent's text. */
  readonly answer: string;
  /** The copy of the answer on this computer. */
  readonly file: string;
  /** `api` when the model's real API answered, `demo` when the scripted demo did. */
  readonly model: "api" | "demo";
}

/**
 * Lets the real agent do a small task in a sealed session: it reads a file from a mounted folder, runs a command and
 * writes a result beside it. When `ANTHROPIC_API_KEY` is set, the model's real API is asked. The key is set as by
 * `cloister key set`, and a relay outside the sandbox adds it to requests.
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
  const file = join(folder, REPORT);
  const keep = async (answer: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(file, answer.endsWith("\n") ? answer : `${answer}\n`);
  };
  if (!options.again) {
    const before = await readFile(file, "utf8").catch(() => "");
    if (before !== "") return { ranNow: false, answer: before.trimEnd(), file, model: options.apiKey ? "api" : "demo" };
  }
  await ssh(["sudo", "install", "-d", "-o", OPERATOR, "-g", OPERATOR, FOLDER]);
  await ssh(["sh", "-c", `cat > ${FOLDER}/${FILE} && rm -f ${FOLDER}/${REPORT}`], NOTES);
  if (options.apiKey) {
    await ssh(["sudo", "cloister", "key", "set"], options.apiKey);
  }
  // An earlier start may have set a key; the machine keeps it until it boots again.
  const kept =
    !options.apiKey &&
    (JSON.parse(await ssh(["sudo", "sh", "-c", "cloister key status --json || :"])) as { key?: string }).key === "set";
  const model = options.apiKey || kept ? "api" : "demo";
  if (kept)
    options.report(
      "the model's API answers, with the key of an earlier start (cloister --stack local key clear forgets it)",
    );
  else
    options.report(model === "api" ? "the model's API answers" : "no ANTHROPIC_API_KEY: a scripted demo model answers");
  const sealed = [
    "sudo",
    "cloister",
    "agent",
    "--mount",
    `${FOLDER}:work:rw`,
    demoTask(`mnt/work/${FILE}`),
    "--",
    "--output-format",
    "stream-json",
  ];
  const child = execa("ssh", [...sshArguments(paths, port), ...sealed.map(shellQuoted)], {
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: 900_000,
  });
  for await (const line of child.iterable({ from: "all" })) {
    for (const told of agentSteps(line)) options.report(told);
  }
  const { exitCode, all } = await child;
  if (exitCode !== 0) throw new Error(`the first session failed with exit code ${exitCode}:\n${neutral(all)}`);
  const answer = await ssh(["cat", `${FOLDER}/${REPORT}`]);
  await keep(answer);
  return { ranNow: true, answer, file, model };
}

/**
 * Describes the agent's steps in one line of Claude Code's stream-json; returns other lines as they are. A session wrote all
 * of it: nothing in it acts on a terminal, and no line ends the start.
 */
export function agentSteps(line: string): string[] {
  try {
    return stepsIn(line).map(neutral);
  } catch {
    // It is no JSON, has other members, or is nested deeper than can be written.
    return line.trim() === "" ? [] : [neutral(line)];
  }
}

function stepsIn(line: string): string[] {
  const event = JSON.parse(line) as { type?: string; message?: { content?: unknown }; result?: string };
  const content = event.type === "assistant" ? event.message?.content : undefined;
  if (!Array.isArray(content)) return [];
  return content.flatMap((block: { type?: string; text?: string; name?: string; input?: unknown }) => {
    if (block.type === "text" && block.text) return [`agent: ${block.text}`];
    if (block.type === "tool_use") return [`agent uses ${block.name}: ${JSON.stringify(block.input)}`];
    return [];
  });
}
