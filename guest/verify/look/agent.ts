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

/** Claude Code's own start takes seconds where the machine is emulated, its whole run half a minute. */
const TIME_LIMIT_MS = 300_000;

/** 128 + SIGSEGV, as shells tell it. */
const SEGMENTATION_FAULT = 139;

/**
 * How often Claude Code is started where the processor is emulated: its engine compiles while several processors run, and
 * QEMU's multi-threaded emulation now and then runs code that was replaced a moment before.
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
  // A verification asks nobody who charges for it.
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

/** Reads what one run printed as stream-json. */
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
