import { access } from "node:fs/promises";
import { z } from "zod";
import type { AgentSettings } from "../../../contract/machine.ts";
import { OFFER_PROMPT } from "../../agent/demo-script.ts";
import { isEmulated } from "../../agent/emulated.ts";
import { MODEL_KEY } from "../../agent/model-key.ts";
import { runSealed } from "../../run/run.ts";
import { RUNTIME_ROOT } from "../../sandbox/paths.ts";
import type { AgentFacts, AgentRunFacts } from "../judge/agent.ts";
import { readText } from "./files.ts";

/**
 * Time limit for a run of Claude Code. On an emulated machine its start takes seconds, its whole run half a minute.
 * Milliseconds.
 */
const TIME_LIMIT_MS = 300_000;

/** The exit code after SIGSEGV, as shells report it: 128 + 11. */
const SEGMENTATION_FAULT = 139;

/**
 * Maximum number of starts of Claude Code on an emulated processor: its engine compiles while several processors run,
 * and QEMU's multi-threaded emulation sometimes runs code that was replaced a moment before.
 */
const ATTEMPTS = 3;

/**
 * Looks at the agent. The full look runs Claude Code once in a sealed session against the scripted model, which answers
 * with what it was offered.
 */
export async function lookAtAgent(settings: AgentSettings, depth: "quick" | "full"): Promise<AgentFacts> {
  const manifest = await readText(`${RUNTIME_ROOT}/MANIFEST.json`);
  const version = manifest === undefined ? undefined : (JSON.parse(manifest) as { claudeCode?: string }).claudeCode;
  const facts = {
    ...(version === undefined ? {} : { manifestVersion: version }),
    configured: { model: settings.model, tools: settings.tools, mcpServers: Object.keys(settings.mcpServers) },
  };
  if (depth === "quick") return { ...facts, notRun: "the agent is run by the full verification: cloister verify" };
  const keyed = await access(MODEL_KEY).then(
    () => true,
    () => false,
  );
  // A verification must not ask the real model, which costs money.
  if (keyed) return { ...facts, notRun: `${MODEL_KEY} is there: the real model would be asked` };
  return { ...facts, run: await runAgent() };
}

async function runAgent(): Promise<AgentRunFacts> {
  const quiet = {
    verifying: true,
    stdio: "capture",
    agent: true,
    timeoutMs: TIME_LIMIT_MS,
    onNotice: () => {},
  } as const;
  const command = ["claude", "-p", OFFER_PROMPT, "--output-format", "stream-json", "--verbose"];
  let said = await runSealed({ ...quiet, command });
  for (let again = 1; again < ATTEMPTS && said.exitCode === SEGMENTATION_FAULT && (await isEmulated()); again += 1) {
    process.stderr.write(`cloister: Claude Code crashed on the emulated processor: running it again (${again})\n`);
    said = await runSealed({ ...quiet, command });
  }
  if (said.exitCode !== 0) {
    throw new Error(`Claude Code failed (${said.exitCode}): ${(said.stderr || said.stdout).trim().slice(-500)}`);
  }
  return readAgentRun(said.stdout);
}

const Init = z.looseObject({
  type: z.literal("system"),
  subtype: z.literal("init"),
  claude_code_version: z.string().optional(),
  mcp_servers: z.array(z.looseObject({ name: z.string(), status: z.string() })),
});
const Result = z.looseObject({ type: z.literal("result"), result: z.string() });
const Offer = z.object({ model: z.string(), tools: z.array(z.string()) });

/** Reads the stream-json output of one run. */
export function readAgentRun(stdout: string): AgentRunFacts {
  const events = stdout.split("\n").flatMap((line): unknown[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const find = <T>(schema: z.ZodType<T>): T | undefined =>
    events.map((event) => schema.safeParse(event)).find((parsed) => parsed.success)?.data;
  const init = find(Init);
  const result = find(Result);
  if (!init || !result) throw new Error(`Claude Code did not tell how it started and ended: ${stdout.slice(0, 300)}`);
  return {
    version: `${init.claude_code_version ?? "unknown"} (Claude Code)`,
    offered: Offer.parse(JSON.parse(result.result)),
    mcpServers: init.mcp_servers.map(({ name, status }) => ({ name, status })),
  };
}
