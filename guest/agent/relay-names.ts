/**
 * The table of all names of the model's API that the relay knows, with its verdict on each and the reason. This is the
 * one place to add a name: a name that passes also gets its shape in relay-schema.ts, and the compiler asks for it.
 *
 * `pass`: sent on. `drop`: left out of what is sent on, because the answer is as good without it. `refuse`: the whole
 * request is refused, by this name and with this reason. A name that is not in this table is refused. Unknown betas and
 * headers are dropped, because a request can use what they switch on only through a field, a block or a tool, and these
 * are checked too.
 */

/** The kinds of things that the table names. */
export type Kind = "field" | "block" | "source" | "tool" | "edit" | "beta" | "header";

export type Verdict = "pass" | "drop" | "refuse";

type Names = Readonly<Record<string, readonly [Verdict, string]>>;

const REACHES_OUT = "it makes the API reach out on the session's behalf, past its egress policy";
const KEEPS = "it keeps data at the API on the session's behalf, where others find it: past its egress policy";
const SERVER_RUN = `the API's servers run it: ${REACHES_OUT}`;
const SERVER_SAID = "only the API's own tools, which a session may not use, make such a block";
const PLAIN = "part of every conversation";
const THINKS = "how the model thinks, and how much of it is told";
const CONTEXT = "what of this conversation the model is shown";
const ACCOUNTS = "accounting only";

/** Fields of the request itself. */
const FIELDS = {
  model: ["pass", PLAIN],
  mcp_servers: ["refuse", REACHES_OUT],
  container: ["refuse", SERVER_RUN],
  system: ["pass", PLAIN],
  tools: ["pass", "tools that the session itself runs"],
  messages: ["pass", PLAIN],
  metadata: ["pass", "a name for the user, which the API only keeps for cases of abuse"],
  max_tokens: ["pass", PLAIN],
  stop_sequences: ["pass", PLAIN],
  stream: ["pass", PLAIN],
  temperature: ["pass", PLAIN],
  top_p: ["pass", PLAIN],
  top_k: ["pass", PLAIN],
  thinking: ["pass", THINKS],
  tool_choice: ["pass", PLAIN],
  context_management: ["pass", CONTEXT],
  output_config: ["pass", "effort, budget and format of the answer"],
  output_format: ["pass", "format of the answer, as it was named before output_config"],
  service_tier: ["pass", "which of the key's own capacities is used"],
  cache_control: ["pass", "where the prompt's cache may begin"],
  speed: ["drop", "the answer is the same; the higher price would be the operator's"],
  diagnostics: ["drop", "a hint about an earlier request; the answer is the same without it"],
  safeguards: ["refuse", "an agent of a session asks nobody for permission; it has no use for a second opinion"],
  fallbacks: ["refuse", "another model than the one asked for answers"],
  thread: ["refuse", KEEPS],
  inference_geo: ["refuse", "where the data is worked on is the operator's choice, not the session's"],
  user_profile_id: ["refuse", "a name in somebody's account"],
} as const satisfies Names;

/** Types of content blocks. */
const BLOCKS = {
  text: ["pass", PLAIN],
  image: ["pass", "with its bytes in it"],
  document: ["pass", "with its content in it"],
  search_result: ["pass", "text that the session found itself; its source is only a label"],
  tool_use: ["pass", "what the model asked the session to run"],
  tool_result: ["pass", "what it gave"],
  tool_reference: ["pass", "the name of a tool of this request"],
  thinking: ["pass", THINKS],
  redacted_thinking: ["pass", THINKS],
  compaction: ["pass", "a summary that the API gave for earlier messages"],
  tool_addition: ["pass", "a tool that the session runs from here on"],
  tool_removal: ["pass", "a tool that is gone from here on"],
  container_upload: ["refuse", SERVER_RUN],
  server_tool_use: ["refuse", SERVER_SAID],
  mcp_tool_use: ["refuse", SERVER_SAID],
  mcp_tool_result: ["refuse", SERVER_SAID],
  web_search_tool_result: ["refuse", SERVER_SAID],
  web_fetch_tool_result: ["refuse", SERVER_SAID],
  code_execution_tool_result: ["refuse", SERVER_SAID],
  bash_code_execution_tool_result: ["refuse", SERVER_SAID],
  text_editor_code_execution_tool_result: ["refuse", SERVER_SAID],
  tool_search_tool_result: ["refuse", SERVER_SAID],
  advisor_tool_result: ["refuse", SERVER_SAID],
} as const satisfies Names;

/** Types of sources for the bytes of an image or a document. */
const SOURCES = {
  base64: ["pass", "the bytes themselves"],
  text: ["pass", "the text itself"],
  content: ["pass", "blocks, each looked at like any other"],
  url: ["refuse", REACHES_OUT],
  file: ["refuse", KEEPS],
} as const satisfies Names;

const BY_SESSION = "the session runs it";

/** Types of tools. A tool without a type is `custom`. */
const TOOLS = {
  custom: ["pass", BY_SESSION],
  bash_20241022: ["pass", BY_SESSION],
  bash_20250124: ["pass", BY_SESSION],
  text_editor_20241022: ["pass", BY_SESSION],
  text_editor_20250124: ["pass", BY_SESSION],
  text_editor_20250429: ["pass", BY_SESSION],
  text_editor_20250728: ["pass", BY_SESSION],
  computer_20241022: ["pass", BY_SESSION],
  computer_20250124: ["pass", BY_SESSION],
  computer_20251124: ["pass", BY_SESSION],
  memory_20250818: ["pass", BY_SESSION],
  web_search_20250305: ["refuse", SERVER_RUN],
  web_fetch_20250910: ["refuse", SERVER_RUN],
  code_execution_20250522: ["refuse", SERVER_RUN],
  code_execution_20250825: ["refuse", SERVER_RUN],
  mcp_toolset: ["refuse", SERVER_RUN],
} as const satisfies Names;

/** Edits that the API may make to the conversation before the model sees it. */
const EDITS = {
  clear_tool_uses_20250919: ["pass", CONTEXT],
  clear_thinking_20251015: ["pass", CONTEXT],
  compact_20260112: ["pass", CONTEXT],
} as const satisfies Names;

const BY_FIELD = "what it adds is looked at as field, block or tool";

/** Beta features. They are compared without regard to letter case, and sent on as they are spelled here. */
const BETAS = {
  "claude-code-20250219": ["pass", "says that the agent is Claude Code"],
  "interleaved-thinking-2025-05-14": ["pass", THINKS],
  "redact-thinking-2026-02-12": ["pass", THINKS],
  "thinking-token-count-2026-05-13": ["pass", THINKS],
  "thinking-display-updates-2026-08-18": ["pass", THINKS],
  "context-1m-2025-08-07": ["pass", "a longer conversation"],
  "context-management-2025-06-27": ["pass", CONTEXT],
  "compact-2026-01-12": ["pass", CONTEXT],
  "model-context-window-exceeded-2025-08-26": ["pass", "a reason why the answer ended"],
  "output-128k-2025-02-19": ["pass", "a longer answer"],
  "effort-2025-11-24": ["pass", BY_FIELD],
  "task-budgets-2026-03-13": ["pass", BY_FIELD],
  "structured-outputs-2025-11-13": ["pass", BY_FIELD],
  "structured-outputs-2025-12-15": ["pass", BY_FIELD],
  "advanced-tool-use-2025-11-20": ["pass", BY_FIELD],
  "tool-search-tool-2025-10-19": ["pass", BY_FIELD],
  "tool-examples-2025-10-29": ["pass", BY_FIELD],
  "mid-conversation-system-2026-04-07": ["pass", BY_FIELD],
  "mid-conversation-tool-changes-2026-07-01": ["pass", BY_FIELD],
  "inline-tools-2026-09-15": ["pass", BY_FIELD],
  "search-results-2025-06-09": ["pass", BY_FIELD],
  "computer-use-2024-10-22": ["pass", BY_FIELD],
  "computer-use-2025-01-24": ["pass", BY_FIELD],
  "computer-use-2025-11-24": ["pass", BY_FIELD],
  "fine-grained-tool-streaming-2025-05-14": ["pass", "how the answer is cut into events"],
  "token-efficient-tools-2025-02-19": ["pass", "how tool calls are written"],
  "token-counting-2024-11-01": ["pass", ACCOUNTS],
  "fallback-credit-2026-06-01": ["pass", ACCOUNTS],
  "prompt-caching-2024-07-31": ["pass", ACCOUNTS],
  "extended-cache-ttl-2025-04-11": ["pass", ACCOUNTS],
  "prompt-caching-scope-2026-01-05": ["drop", "a cache that others share tells them what a session asked"],
  "files-api-2025-04-14": ["drop", KEEPS],
  "skills-2025-10-02": ["drop", KEEPS],
  "message-batches-2024-09-24": ["drop", KEEPS],
  "message-threads-2026-08-12": ["drop", KEEPS],
  "mcp-client-2025-04-04": ["drop", REACHES_OUT],
  "mcp-client-2025-11-20": ["drop", REACHES_OUT],
  "mcp-servers-2025-12-04": ["drop", REACHES_OUT],
  "web-search-2025-03-05": ["drop", REACHES_OUT],
  "web-fetch-2025-09-10": ["drop", REACHES_OUT],
  "code-execution-2025-05-22": ["drop", SERVER_RUN],
  "code-execution-2025-08-25": ["drop", SERVER_RUN],
  "advisor-tool-2026-03-01": ["drop", SERVER_RUN],
  "environments-2025-11-01": ["drop", SERVER_RUN],
  "managed-agents-2026-04-01": ["drop", SERVER_RUN],
  "oauth-2025-04-20": ["drop", "the relay's key is none of OAuth"],
  "fast-mode-2026-02-01": ["drop", FIELDS.speed[1]],
  "cache-diagnosis-2026-04-07": ["drop", FIELDS.diagnostics[1]],
} as const satisfies Names;

/** Headers. A value that is not of its header's known form is dropped like an unknown header: see relay-headers.ts. */
const HEADERS = {
  accept: ["pass", "whether the answer is streamed"],
  "accept-encoding": ["pass", "how the answer is packed: a conversation is long"],
  "anthropic-beta": ["pass", "only the betas that pass"],
  "anthropic-version": ["pass", "the API asks for it"],
  "content-type": ["pass", "JSON, the only one taken"],
  "user-agent": ["pass", "which agent it is"],
  "x-app": ["pass", "which agent it is"],
  "anthropic-dangerous-direct-browser-access": ["drop", "for browsers"],
  "x-claude-code-session-id": ["drop", "statistics"],
  "x-stainless-arch": ["drop", "statistics; so are all others of x-stainless"],
} as const satisfies Names;

const TABLE = {
  field: FIELDS,
  block: BLOCKS,
  source: SOURCES,
  tool: TOOLS,
  edit: EDITS,
  beta: BETAS,
  header: HEADERS,
} as const satisfies Record<Kind, Names>;

/** The names of one kind that have one verdict, as a type. */
export type NamesWith<K extends Kind, V extends Verdict> = {
  [N in keyof (typeof TABLE)[K]]: (typeof TABLE)[K][N] extends readonly [V, string] ? N : never;
}[keyof (typeof TABLE)[K]];

/** Returns the table's verdict and reason for a name; undefined when the table does not have it. */
export function lookUpName(kind: Kind, name: string): { verdict: Verdict; reason: string } | undefined {
  const names: Names = TABLE[kind];
  const entry = Object.hasOwn(names, name) ? names[name] : undefined;
  return entry === undefined ? undefined : { verdict: entry[0], reason: entry[1] };
}

/** All names of one kind, in the table's order. */
export function namesOf(kind: Kind): readonly string[] {
  return Object.keys(TABLE[kind]);
}
