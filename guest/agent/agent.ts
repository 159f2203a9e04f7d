import type { AgentSettings, McpServer } from "../../contract/machine.ts";
import { MODEL_HOST } from "./relay.ts";

/** What a run of Claude Code in a session depends on. */
export interface AgentRun {
  readonly settings: AgentSettings;
  /** The session's token for the relay: worthless anywhere else. */
  readonly token: string;
  /** The session's home, an absolute path. */
  readonly home: string;
  /** Whether the processor is an emulated Arm one. Default: no. */
  readonly emulated?: boolean;
}

/**
 * Environment of Claude Code inside a session, to be added to the session's own. Its API is the relay, its key the
 * session's token, its state in the session's home; it neither updates itself nor calls anyone but its model
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
    // Sessions have ripgrep from the distribution.
    USE_BUILTIN_RIPGREP: "0",
    // An emulated Arm processor now and then runs code that its engine replaced a moment before: one run of five failed, none
    // of 23 without compiled code, and they took as long. (Bun hands BUN_JSC_ options to JavaScriptCore.)
    ...(emulated ? { BUN_JSC_useJIT: "0" } : {}),
  };
}

/** How the result of a run is written to stdout (Claude Code's `--output-format`). */
export type AgentOutput = "text" | "json" | "stream-json";

/**
 * Claude Code's arguments for one headless run. Exactly the configured tools and MCP servers, whatever a file in a
 * mounted folder asks for; no permission prompts: the session is the permission.
 */
export function agentArguments(settings: AgentSettings, prompt: string, output: AgentOutput = "text"): string[] {
  return [
    "--print",
    prompt,
    "--model",
    settings.model,
    "--tools",
    settings.tools.join(","),
    "--mcp-config",
    JSON.stringify({ mcpServers: settings.mcpServers } satisfies { mcpServers: Record<string, McpServer> }),
    "--strict-mcp-config",
    "--setting-sources",
    "user",
    "--permission-mode",
    "bypassPermissions",
    "--output-format",
    output,
    ...(output === "stream-json" ? ["--verbose"] : []),
  ];
}
