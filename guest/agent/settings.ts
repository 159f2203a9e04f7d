import type { AgentSettings, McpServer } from "../../contract/machine.ts";
import { MODEL_HOST } from "./relay.ts";

/** The values that a run of Claude Code in a session depends on. */
export interface AgentRun {
  readonly settings: AgentSettings;
  /** The session's token for the relay: worthless anywhere else. */
  readonly token: string;
  /** The session's home, an absolute path. */
  readonly home: string;
  /** True when the processor is an emulated Arm one. Default: false. */
  readonly emulated?: boolean;
}

/**
 * Returns the environment of Claude Code inside a session, to be added to the session's own. Its API is the relay, its
 * key the session's token, its state in the session's home; it neither updates itself nor calls anyone but its model
 * (Claude Code, "Environment variables").
 */
export function agentEnvironment({ settings, token, home, emulated = false }: AgentRun): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: `http://${MODEL_HOST}`,
    ANTHROPIC_AUTH_TOKEN: token,
    ANTHROPIC_MODEL: settings.model,
    // Side jobs, such as a title for the conversation, go to the same model: no other is promised to be there.
    ANTHROPIC_DEFAULT_HAIKU_MODEL: settings.model,
    CLAUDE_CONFIG_DIR: `${home}/.claude`,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    // The reference's image says so, and tools ask for it.
    IS_SANDBOX: "yes",
    // On a terminal it would ask whether the folder is trusted: the session is sealed whatever the answer.
    CLAUDE_CODE_SANDBOXED: "1",
    // Sessions have ripgrep from the distribution.
    USE_BUILTIN_RIPGREP: "0",
    // An emulated Arm processor sometimes runs code that Claude Code's engine replaced a moment before: one run of five
    // failed. Without compiled code none of 23 runs failed, and they took as long. (Bun hands BUN_JSC_ options to
    // JavaScriptCore.)
    ...(emulated ? { BUN_JSC_useJIT: "0" } : {}),
  };
}

/**
 * Returns the files that Claude Code's start script reads in a session (`guest/bin/claude`): the tools that the model
 * is offered, and the MCP servers. They are files because a server's settings may hold a key of its own, and everybody
 * on a machine may read command lines.
 */
export function agentFiles({ tools, mcpServers }: AgentSettings): Record<"agent-tools" | "agent-servers.json", string> {
  return {
    "agent-tools": `${tools.join(",")}\n`,
    "agent-servers.json": `${JSON.stringify({ mcpServers } satisfies { mcpServers: Record<string, McpServer> })}\n`,
  };
}

/** The task that `cloister agent` is given. */
export interface AgentTask {
  /** The prompt. Default: it comes from standard input, or from a person on the terminal. */
  readonly prompt?: string;
  /** True when a person talks to the agent on a terminal. */
  readonly interactive: boolean;
  /** True to continue the last conversation of the session's working directory. */
  readonly continue?: boolean;
  /** Claude Code's own flags. */
  readonly flags: readonly string[];
}

/** Claude Code's command line for a task. */
export function agentCommand({ prompt, interactive, continue: goOn = false, flags }: AgentTask): string[] {
  const stream = flags.some(
    (flag, i) =>
      flag === "--output-format=stream-json" || (flag === "--output-format" && flags[i + 1] === "stream-json"),
  );
  return [
    "claude",
    ...(goOn ? ["--continue"] : []),
    ...(interactive ? [] : ["--print"]),
    // Claude Code prints its stream only with this flag.
    ...(stream && !interactive && !flags.includes("--verbose") ? ["--verbose"] : []),
    ...flags,
    // After "--" a prompt may begin with a dash, and no flag that takes several values takes it.
    ...(prompt === undefined ? [] : ["--", prompt]),
  ];
}
