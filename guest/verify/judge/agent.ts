import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** One run of the agent against the scripted model. */
export interface AgentRunFacts {
  /** What `claude --version` printed. */
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
  /** Undefined when the agent was not run; then `why` says why not. */
  readonly run?: AgentRunFacts;
  readonly notRun?: string;
}

const MODEL = "claude-opus-4-5-20251101";
const TOOLS = ["Task", "Bash", "Glob", "Grep", "Read", "Edit", "Write"];
/** Present names of tools that the reference knows by another. */
const RENAMED: Readonly<Record<string, string>> = { Agent: "Task" };
const MCP_SERVERS = 2;

export function judgeAgent(facts: AgentFacts): Verdicts {
  const { run, notRun = "the agent was not run" } = facts;
  const skipped: Verdict = { notChecked: notRun };
  return {
    A1: version(facts),
    A2: run ? model(run, facts) : skipped,
    A3: run ? tools(run, facts) : skipped,
    A4: run ? mcp(run, facts) : skipped,
  };
}

function version({ manifestVersion, run }: AgentFacts): Verdict {
  if (run) {
    return verdict(run.version, [
      !run.version.includes("Claude Code") && "not Claude Code",
      manifestVersion !== undefined && !run.version.startsWith(manifestVersion) && `not ${manifestVersion}`,
    ]);
  }
  if (manifestVersion === undefined) return { seen: "", ok: false, reason: "the runtime image has no manifest" };
  return { seen: `${manifestVersion} (Claude Code), by the checked runtime image`, ok: true };
}

/** The promise is a default that can be configured: what is asked for must be what is configured. */
function model({ offered }: AgentRunFacts, { configured }: AgentFacts): Verdict {
  const configurable = configured.model === MODEL ? "" : CONFIGURED;
  return verdict(`${offered.model}${configurable}`, [
    offered.model !== configured.model && `the machine's settings name ${configured.model}`,
  ]);
}

function tools({ offered }: AgentRunFacts, { configured }: AgentFacts): Verdict {
  const named = offered.tools.filter((tool) => !tool.startsWith("mcp__")).map((tool) => RENAMED[tool] ?? tool);
  const missing = configured.tools.filter((tool) => !named.includes(tool));
  const more = named.filter((tool) => !configured.tools.includes(tool));
  const differs = [...configured.tools].sort().join() !== [...TOOLS].sort().join();
  return verdict(`${named.join(", ")}${differs ? CONFIGURED : ""}`, [
    missing.length > 0 && `not offered: ${missing.join(", ")}`,
    more.length > 0 && `offered beside: ${more.join(", ")}`,
  ]);
}

function mcp({ mcpServers }: AgentRunFacts, { configured }: AgentFacts): Verdict {
  const working = mcpServers.filter(({ status }) => status === "connected").map(({ name }) => name);
  const broken = mcpServers.filter(({ status }) => status !== "connected");
  const missing = configured.mcpServers.filter((name) => !mcpServers.some((server) => server.name === name));
  const count = configured.mcpServers.length;
  return verdict(`${working.length}: ${working.join(", ")}${count === MCP_SERVERS ? "" : CONFIGURED}`, [
    missing.length > 0 && `not there: ${missing.join(", ")}`,
    broken.length > 0 && `not working: ${broken.map(({ name, status }) => `${name} (${status})`).join(", ")}`,
  ]);
}
