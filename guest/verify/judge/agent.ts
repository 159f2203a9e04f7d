import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** One run of the agent against the scripted model. */
export interface AgentRunFacts {
  /** The output of `claude --version`. */
  readonly version: string;
  /** Model and tools of the request that reached the model. */
  readonly offered: { readonly model: string; readonly tools: readonly string[] };
  /** MCP servers with their state, by Claude Code's own account. */
  readonly mcpServers: readonly { readonly name: string; readonly status: string }[];
}

export interface AgentFacts {
  /** Claude Code's version by the runtime image's manifest; the image's digest was checked before it was mounted. */
  readonly manifestVersion?: string;
  readonly configured: {
    readonly model: string;
    readonly tools: readonly string[];
    readonly mcpServers: readonly string[];
  };
  /** The run; undefined when the agent was not run. Then `notRun` says why not. */
  readonly run?: AgentRunFacts;
  readonly notRun?: string;
}

/** The agent whose version the manifest has as `claudeCode`. */
const BUNDLED_AGENT = "Claude Code";
/** Today's names of tools, with the names that the reference has for them. */
const RENAMED: Readonly<Record<string, string>> = { Agent: "Task" };

export function judgeAgent(facts: AgentFacts, promised: Reference = REFERENCE): Verdicts {
  const { run, notRun = "the agent was not run" } = facts;
  const skipped: Verdict = { notChecked: notRun };
  return {
    A1: version(facts, promised.A1),
    A2: run ? model(run, facts, promised.A2) : skipped,
    A3: run ? tools(run, facts, promised.A3) : skipped,
    A4: run ? mcp(run, facts, promised.A4) : skipped,
  };
}

function version({ manifestVersion, run }: AgentFacts, promised: Reference["A1"]): Verdict {
  if (run) {
    return verdict(run.version, [
      !run.version.includes(promised) && `not ${promised}`,
      manifestVersion !== undefined && !run.version.startsWith(manifestVersion) && `not ${manifestVersion}`,
    ]);
  }
  if (manifestVersion === undefined) return { seen: "", ok: false, reason: "the runtime image has no manifest" };
  return verdict(`${manifestVersion} (${BUNDLED_AGENT}), by the checked runtime image`, [
    promised !== BUNDLED_AGENT && `not ${promised}`,
  ]);
}

/**
 * Judges the model. The promise is a default that can be configured, so the requested model must be the configured one.
 */
function model({ offered }: AgentRunFacts, { configured }: AgentFacts, promised: Reference["A2"]): Verdict {
  const configurable = configured.model === promised ? "" : CONFIGURED;
  return verdict(`${offered.model}${configurable}`, [
    offered.model !== configured.model && `the machine's settings name ${configured.model}`,
  ]);
}

function tools({ offered }: AgentRunFacts, { configured }: AgentFacts, promised: Reference["A3"]): Verdict {
  const named = offered.tools.filter((tool) => !tool.startsWith("mcp__")).map((tool) => RENAMED[tool] ?? tool);
  const missing = configured.tools.filter((tool) => !named.includes(tool));
  const more = named.filter((tool) => !configured.tools.includes(tool));
  const differs = [...configured.tools].sort().join() !== [...promised].sort().join();
  return verdict(`${named.join(", ")}${differs ? CONFIGURED : ""}`, [
    missing.length > 0 && `not offered: ${missing.join(", ")}`,
    more.length > 0 && `offered beside: ${more.join(", ")}`,
  ]);
}

function mcp({ mcpServers }: AgentRunFacts, { configured }: AgentFacts, promised: Reference["A4"]): Verdict {
  const working = mcpServers.filter(({ status }) => status === "connected").map(({ name }) => name);
  const broken = mcpServers.filter(({ status }) => status !== "connected");
  const missing = configured.mcpServers.filter((name) => !mcpServers.some((server) => server.name === name));
  const count = configured.mcpServers.length;
  return verdict(`${working.length}: ${working.join(", ")}${count === promised.servers ? "" : CONFIGURED}`, [
    missing.length > 0 && `not there: ${missing.join(", ")}`,
    broken.length > 0 && `not working: ${broken.map(({ name, status }) => `${name} (${status})`).join(", ")}`,
  ]);
}
