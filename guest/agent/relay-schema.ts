import { z } from "zod";
import {
  type Check,
  dropped,
  listOf,
  objectOf,
  orNull,
  otherFields,
  refuseName,
  refuseShape,
  shaped,
  textOr,
  typed,
} from "./relay-check.ts";
import type { NamesWith } from "./relay-names.ts";

/*
 * The shape of every name that passes (relay-names.ts). The API judges what is complete and what goes together. So
 * members may be absent here, but no member may be present that is not written down, and none may have another form.
 */

const text = shaped(z.string());
const flag = shaped(z.boolean());
const number = shaped(z.number());
const count = shaped(z.int().nonnegative());
const texts = shaped(z.array(z.string()).max(10_000));
const name = shaped(z.string().max(256));
const oneOf = (...values: readonly string[]): Check => shaped(z.enum(values));

/**
 * Checks JSON that the API hands to the model and nobody acts on: a tool's input, a schema. It must be an object; it is
 * known to be JSON.
 */
const freeObject: Check = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuseShape("must be an object", at);
  return value;
};

/**
 * Marks a place in the prompt for its cache. `scope` would share the cache with others, who can tell from a hit what
 * was asked.
 */
const cacheControl = orNull(objectOf({ type: oneOf("ephemeral"), ttl: orNull(oneOf("5m", "1h")), scope: dropped }));

/** An object with this type, these members and, as most have it, a mark for the cache. */
const shape = (type: string, members: Readonly<Record<string, Check>>): Check =>
  objectOf({ type: oneOf(type), ...members, cache_control: cacheControl });

// Sources

const base64: Check = objectOf({ type: oneOf("base64"), media_type: name, data: text });
const imageSource = typed("source", { base64 });
const documentSource: Check = (value, at) => typed("source", DOCUMENT_SOURCES)(value, at);

const DOCUMENT_SOURCES: Record<NamesWith<"source", "pass">, Check> = {
  base64,
  text: objectOf({ type: oneOf("text"), media_type: name, data: text }),
  content: objectOf({ type: oneOf("content"), content: textOr(listOf((value, at) => inDocument(value, at))) }),
};

// Blocks

/** The place in the request's own documents that a sentence of an earlier answer came from. */
const citation: Check = objectOf({
  type: oneOf("char_location", "page_location", "content_block_location", "search_result_location"),
  cited_text: text,
  document_index: count,
  document_title: orNull(text),
  file_id: orNull((_, at) => {
    throw refuseName("source", "file", at);
  }),
  title: orNull(text),
  source: text,
  search_result_index: count,
  start_char_index: count,
  end_char_index: count,
  start_page_number: count,
  end_page_number: count,
  start_block_index: count,
  end_block_index: count,
});

const mayCite = orNull(objectOf({ enabled: flag }));
/** The caller of a tool. All other callers are tools of the API's servers. */
const caller = orNull(objectOf({ type: oneOf("direct") }));
const toolName = objectOf({ type: oneOf("tool_reference"), name });

const textBlock = shape("text", { text, citations: orNull(listOf(citation)) });
const image = shape("image", { source: imageSource });
const document = shape("document", {
  source: documentSource,
  title: orNull(text),
  context: orNull(text),
  citations: mayCite,
});
const searchResult = shape("search_result", {
  source: text,
  title: text,
  content: listOf(typed("block", { text: textBlock })),
  citations: mayCite,
});
const toolReference = shape("tool_reference", { tool_name: name });

const inDocument = typed("block", { text: textBlock, image });
const inToolResult = typed("block", {
  text: textBlock,
  image,
  document,
  search_result: searchResult,
  tool_reference: toolReference,
});

const BLOCKS: Record<NamesWith<"block", "pass">, Check> = {
  text: textBlock,
  image,
  document,
  search_result: searchResult,
  tool_use: shape("tool_use", { id: name, name, input: freeObject, caller }),
  tool_result: shape("tool_result", {
    tool_use_id: name,
    content: orNull(textOr(listOf(inToolResult))),
    is_error: orNull(flag),
  }),
  tool_reference: toolReference,
  thinking: shape("thinking", { thinking: text, signature: text }),
  redacted_thinking: shape("redacted_thinking", { data: text }),
  compaction: shape("compaction", { content: orNull(text), encrypted_content: orNull(text) }),
  tool_addition: shape("tool_addition", { tool: (value, at) => addedTool(value, at) }),
  tool_removal: shape("tool_removal", { tool: toolName }),
};

// Tools

const ofEveryTool = {
  name,
  strict: orNull(flag),
  defer_loading: orNull(flag),
  eager_input_streaming: orNull(flag),
  input_examples: orNull(listOf(freeObject)),
  // `direct` is the model itself. All other callers are tools of the API's servers.
  allowed_callers: orNull(listOf(oneOf("direct"))),
};
const builtIn = (type: string, members: Readonly<Record<string, Check>> = {}): Check =>
  shape(type, { ...ofEveryTool, ...members });
const screen = {
  display_width_px: count,
  display_height_px: count,
  display_number: orNull(count),
  enable_zoom: orNull(flag),
};

const TOOLS: Record<NamesWith<"tool", "pass">, Check> = {
  custom: objectOf({
    type: orNull(oneOf("custom")),
    description: orNull(text),
    input_schema: freeObject,
    cache_control: cacheControl,
    ...ofEveryTool,
  }),
  bash_20241022: builtIn("bash_20241022"),
  bash_20250124: builtIn("bash_20250124"),
  text_editor_20241022: builtIn("text_editor_20241022"),
  text_editor_20250124: builtIn("text_editor_20250124"),
  text_editor_20250429: builtIn("text_editor_20250429"),
  text_editor_20250728: builtIn("text_editor_20250728", { max_characters: orNull(count) }),
  computer_20241022: builtIn("computer_20241022", screen),
  computer_20250124: builtIn("computer_20250124", screen),
  computer_20251124: builtIn("computer_20251124", screen),
  memory_20250818: builtIn("memory_20250818"),
};
const tool = typed("tool", TOOLS, "custom");

const addedTool = typed("block", {
  tool_reference: toolName,
  tool_definition: objectOf({ type: oneOf("tool_definition"), definition: tool }),
});

// Edits of the conversation

const amount = orNull(objectOf({ type: oneOf("input_tokens", "tool_uses", "thinking_turns", "all"), value: count }));
const EDITS: Record<NamesWith<"edit", "pass">, Check> = {
  clear_tool_uses_20250919: objectOf({
    type: oneOf("clear_tool_uses_20250919"),
    trigger: amount,
    keep: amount,
    clear_at_least: amount,
    exclude_tools: orNull(texts),
    clear_tool_inputs: orNull((value, at) => (typeof value === "boolean" ? value : texts(value, at))),
  }),
  clear_thinking_20251015: objectOf({
    type: oneOf("clear_thinking_20251015"),
    keep: (value, at) => (value === "all" ? value : amount(value, at)),
  }),
  compact_20260112: objectOf({
    type: oneOf("compact_20260112"),
    trigger: amount,
    instructions: orNull(text),
    pause_after_compaction: orNull(flag),
  }),
};

// The request

const jsonSchema = orNull(objectOf({ type: oneOf("json_schema"), schema: freeObject }));
const content = textOr(listOf(typed("block", BLOCKS)));

const FIELDS: Record<NamesWith<"field", "pass">, Check> = {
  model: name,
  system: orNull(textOr(listOf(typed("block", { text: textBlock })))),
  tools: orNull(listOf(tool)),
  messages: listOf(objectOf({ role: oneOf("user", "assistant", "system"), content })),
  metadata: orNull(objectOf({ user_id: orNull(shaped(z.string().max(1024))) })),
  max_tokens: count,
  stop_sequences: orNull(texts),
  stream: orNull(flag),
  temperature: orNull(number),
  top_p: orNull(number),
  top_k: orNull(count),
  thinking: orNull(
    objectOf({
      type: oneOf("enabled", "disabled", "adaptive"),
      budget_tokens: count,
      display: orNull(oneOf("omitted", "summarized")),
    }),
  ),
  tool_choice: orNull(
    objectOf({ type: oneOf("auto", "any", "tool", "none"), name, disable_parallel_tool_use: orNull(flag) }),
  ),
  context_management: orNull(objectOf({ edits: listOf(typed("edit", EDITS)) })),
  output_config: orNull(
    objectOf({
      effort: orNull(oneOf("low", "medium", "high", "xhigh", "max")),
      format: jsonSchema,
      task_budget: orNull(objectOf({ type: oneOf("tokens"), total: count, remaining: orNull(count) })),
    }),
  ),
  output_format: jsonSchema,
  service_tier: orNull(oneOf("auto", "standard_only")),
  cache_control: cacheControl,
};

const request = objectOf({ ...FIELDS, ...otherFields() });

/**
 * Checks a request's body, and makes the one that is sent on.
 *
 * @throws {Refused} at the first thing that is not known
 */
export function checkBody(body: unknown): Readonly<Record<string, unknown>> {
  return request(body, "") as Readonly<Record<string, unknown>>;
}
