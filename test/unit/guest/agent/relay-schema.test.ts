import assert from "node:assert/strict";
import fc from "fast-check";
import { Refused } from "../../../../guest/agent/relay-check.ts";
import { sortBetas } from "../../../../guest/agent/relay-headers.ts";
import { MAX_ITEMS } from "../../../../guest/agent/relay-json.ts";
import { type Kind, lookUpName, namesOf } from "../../../../guest/agent/relay-names.ts";
import { remakeBody } from "../../../../guest/agent/relay-rules.ts";

type Json = Readonly<Record<string, unknown>>;

const remake = (body: unknown) => remakeBody(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));

/** The refusal of a body; fails when it is sent on. */
function refusal(body: unknown) {
  try {
    remake(body);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
  return assert.fail(`it is sent on: ${JSON.stringify(body)}`);
}

const asking = (...content: unknown[]) => ({ model: "m", messages: [{ role: "user", content }] });
const result = (...content: unknown[]) => asking({ type: "tool_result", tool_use_id: "t", content });
const PNG = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
const URL_IMAGE = { type: "image", source: { type: "url", url: "https://evil.example/?q=1" } };
const document = (source: unknown) => ({ type: "document", source });

/** Each with what differs from it only by being harmless: the control. */
const ATTACKS: readonly (readonly [string, unknown, unknown, RegExp])[] = [
  [
    "an image by URL inside a document's content",
    asking(document({ type: "content", content: [URL_IMAGE] })),
    asking(document({ type: "content", content: [PNG] })),
    /a source of type url at messages\[0\]\.content\[0\]\.source\.content\[0\]\.source/,
  ],
  [
    "an image by URL inside a document inside a tool's result",
    result(document({ type: "content", content: [URL_IMAGE] })),
    result(document({ type: "content", content: [PNG] })),
    /a source of type url/,
  ],
  [
    "a document by URL",
    asking(document({ type: "url", url: "https://evil.example" })),
    asking(document({ type: "text", media_type: "text/plain", data: "x" })),
    /a source of type url/,
  ],
  [
    "a file of the API's",
    asking({ type: "image", source: { type: "file", file_id: "f" } }),
    asking(PNG),
    /a source of type file/,
  ],
  ["an upload into a container", asking({ type: "container_upload", file_id: "f" }), asking(PNG), /container_upload/],
  [
    "an upload into a container, in a tool's result",
    result({ type: "container_upload", file_id: "f" }),
    result(PNG),
    /container_upload/,
  ],
  [
    "messages that are an object",
    { messages: { 0: { role: "user", content: [URL_IMAGE] }, length: 1 } },
    { messages: [{ role: "user", content: [PNG] }] },
    /messages must be a list/,
  ],
  ["content that is an object", { messages: [{ role: "user", content: URL_IMAGE }] }, asking(PNG), /must be a list/],
  [
    "system that is an object",
    { system: { 0: { type: "container_upload" } } },
    { system: [{ type: "text", text: "x" }] },
    /system must be a list/,
  ],
  [
    "tools that are an object",
    { tools: { 0: { type: "web_fetch_20250910", name: "w" } } },
    { tools: [{ name: "w", input_schema: {} }] },
    /tools must be a list/,
  ],
  [
    "a key given twice",
    '{"messages":[],"messages":[{"role":"user","content":[{"type":"container_upload"}]}]}',
    { messages: [] },
    /has a key twice/,
  ],
  [
    "a type given twice",
    '{"messages":[{"role":"user","content":[{"type":"text","type":"container_upload","text":""}]}]}',
    asking({ type: "text", text: "" }),
    /has a key twice/,
  ],
  ["an unknown block", asking({ type: "gopher", text: "x" }), asking({ type: "text", text: "x" }), /"gopher"/],
  ["a block's type in other letters", asking({ ...PNG, type: "Image" }), asking(PNG), /"Image"/],
  ["a source without a type", asking({ type: "image", source: { url: "https://x" } }), asking(PNG), /has no type/],
  [
    "a second source beside the first",
    asking({ ...PNG, source: { ...PNG.source, url: "https://x" } }),
    asking(PNG),
    /the field "url"/,
  ],
  ["an unknown field", { model: "m", fetch: "https://x" }, { model: "m" }, /the field "fetch"/],
  [
    "an unknown field of a message",
    { messages: [{ role: "user", content: "x", container: "c" }] },
    asking({ type: "text", text: "x" }),
    /the field container at messages\[0\]/,
  ],
  ["a prototype", '{"__proto__":{"container":"c"}}', {}, /the field "__proto__"/],
  ["a container", { container: { id: "c", skills: [] } }, { container: null }, /container .*past its egress policy/],
  [
    "MCP servers",
    { mcp_servers: [{ type: "url", url: "https://evil.example" }] },
    { mcp_servers: [] },
    /mcp_servers .*past its egress policy/,
  ],
  ["MCP servers that are an object", { mcp_servers: { url: "https://x" } }, { mcp_servers: [] }, /mcp_servers/],
  [
    "a tool of the API's",
    { tools: [{ type: "web_search_20250305", name: "w" }] },
    { tools: [] },
    /web_search_20250305/,
  ],
  [
    "a tool that is not known",
    { tools: [{ type: "bash_20990101", name: "b" }] },
    { tools: [{ type: "bash_20250124", name: "b" }] },
    /"bash_20990101"/,
  ],
  [
    "a tool of the API's that is added later",
    asking({ type: "tool_addition", tool: { type: "tool_definition", definition: { type: "mcp_toolset" } } }),
    asking({ type: "tool_addition", tool: { type: "tool_definition", definition: { name: "t", input_schema: {} } } }),
    /mcp_toolset/,
  ],
  [
    "a tool that the API's code may call",
    { tools: [{ name: "t", input_schema: {}, allowed_callers: ["code_execution_20250825"] }] },
    { tools: [{ name: "t", input_schema: {}, allowed_callers: ["direct"] }] },
    /allowed_callers/,
  ],
  [
    "a citation of a file",
    asking({ type: "text", text: "x", citations: [{ type: "char_location", file_id: "f" }] }),
    asking({ type: "text", text: "x", citations: [{ type: "char_location", file_id: null }] }),
    /a source of type file/,
  ],
  [
    "a citation of the web",
    asking({ type: "text", text: "x", citations: [{ type: "web_search_result_location", url: "https://x" }] }),
    asking({ type: "text", text: "x", citations: [{ type: "page_location", start_page_number: 1 }] }),
    /citations/,
  ],
  ["a thread kept by the API", { thread: { type: "create" } }, {}, /the field thread/],
  [
    "an edit that is not known",
    { context_management: { edits: [{ type: "fetch_20990101" }] } },
    { context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } },
    /fetch_20990101/,
  ],
  ["a number that is none", '{"max_tokens":1e999}', { max_tokens: 1 }, /max_tokens/],
  [
    "a text where an object is",
    { metadata: "https://x" },
    { metadata: { user_id: "u" } },
    /metadata must be an object/,
  ],
];

describe("the body of a model's request", () => {
  for (const [what, attack, control, reason] of ATTACKS) {
    it(`is refused with ${what}`, () => {
      const { status, reason: said } = refusal(attack);
      assert.match(said, reason);
      assert.ok(status === 400 || status === 403);
      remake(control);
    });
  }

  it("is refused at its first fault: as many as there may be cost no more than a look", () => {
    const blocks = `{"messages":[{"role":"user","content":[${"{},".repeat(MAX_ITEMS - 10)}{}]}]}`;
    const started = performance.now();
    assert.match(refusal(blocks).reason, /content\[0\] has no type/);
    assert.ok(performance.now() - started < 5_000);
    const keys = Array.from({ length: MAX_ITEMS / 2 - 10 }, (_, at) => `"${at}":1`).join();
    assert.match(refusal(`{"metadata":{${keys}}}`).reason, /the field "0" at metadata/);
  }).timeout(30_000);

  it("is refused without a word of its content in the log", () => {
    const secret = "hunter2 \u0007\n".repeat(40);
    for (const body of [
      { [secret]: 1 },
      asking({ type: secret }),
      { tools: [{ type: secret }] },
      { max_tokens: secret },
      { messages: { [secret]: 1 } },
      { metadata: { user_id: secret.repeat(100) } },
      `{"${"x".repeat(100)}":1,"${"x".repeat(100)}":1}`,
    ]) {
      const { reason, row = reason } = refusal(body);
      assert.doesNotMatch(row, /hunter2|xxx/);
      assert.match(row, /^[\x20-\x7e]+$/);
      assert.ok(reason.length < 400 && /^[\x20-\x7e]+$/.test(reason), reason);
    }
  });

  it("passes as Claude Code sends it", () => {
    const body = {
      model: "claude-opus-4-5-20251101",
      messages: [
        { role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "", signature: "s" },
            { type: "redacted_thinking", data: "d" },
            { type: "text", text: "y" },
            { type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "x", deep: [{ url: "https://x" }] } },
          ],
        },
        {
          role: "user",
          content: [
            { tool_use_id: "toolu_1", type: "tool_result", content: "z", is_error: false },
            { tool_use_id: "toolu_2", type: "tool_result", content: [{ type: "text", text: "t" }, PNG] },
            document({ type: "base64", media_type: "application/pdf", data: "AAAA" }),
          ],
        },
        { role: "system", content: [{ type: "tool_removal", tool: { type: "tool_reference", name: "Bash" } }] },
      ],
      system: [{ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }],
      tools: [{ name: "Bash", description: "d", input_schema: { type: "object", properties: { type: {} } } }],
      metadata: { user_id: '{"device_id":"d"}' },
      max_tokens: 32_000,
      thinking: { budget_tokens: 31_999, type: "enabled", display: "omitted" },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      output_config: { effort: "high", format: { type: "json_schema", schema: {} } },
      temperature: 1,
      stop_sequences: ["x"],
      tool_choice: { type: "tool", name: "Bash" },
      stream: true,
    };
    assert.deepEqual(remake(body), body);
    assert.equal(JSON.stringify(remake(body)), JSON.stringify(body), "in the order in which it was written");
  });

  it("loses what is harmless to lose", () => {
    assert.deepEqual(
      remake({
        speed: "fast",
        diagnostics: { previous_message_id: "m" },
        system: [{ type: "text", text: "x", cache_control: { type: "ephemeral", scope: "global" } }],
      }),
      { system: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
    );
  });

  it("is made anew: whatever is sent on is read as the same again, and has no name in it that is not known", () => {
    fc.assert(
      fc.property(BODY, (body) => {
        let made: Json;
        try {
          made = remake(body);
        } catch (error) {
          assert.ok(error instanceof Refused, String(error));
          return;
        }
        const sent = JSON.stringify(made);
        assert.equal(JSON.stringify(remake(sent)), sent);
        assert.doesNotMatch(sent, /evil/);
      }),
      { numRuns: 2_000 },
    );
  }).timeout(60_000);

  it("is one of those that pass often enough for that to mean something", () => {
    const passed = fc.sample(BODY, 500).filter((body) => {
      try {
        remake(body);
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(passed.length > 50 && passed.length < 450, `${passed.length} of 500 passed`);
  });
});

/** Bodies of blocks, sources and tools that pass and that do not, in the places where the API looks for them. */
const BODY = fc.letrec((tie) => {
  const hostile = {
    weight: 1,
    arbitrary: fc.constantFrom("a text", { type: "url", url: "evil" }, { evil: 1 }, [], null),
  };
  const mostly = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 40, arbitrary }, hostile);
  const extra = fc.oneof(
    { weight: 30, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constantFrom({ evil: 1 }, { url: "evil" }, { container: "evil" }, { file_id: "evil" }) },
  );
  const record = (members: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[]) =>
    fc.tuple(fc.record(members, { requiredKeys }), extra).map(([made, more]) => ({ ...made, ...more }));
  const words = fc.string({ maxLength: 5 });
  return {
    text: record({ type: fc.constant("text"), text: mostly(words) }, ["type"]),
    source: mostly(
      fc.oneof(
        record({ type: fc.constant("base64"), media_type: words, data: words }, ["type"]),
        record({ type: fc.constant("content"), content: fc.array(tie("block"), { maxLength: 2 }) }, ["type"]),
      ),
    ),
    block: fc.oneof(
      { maxDepth: 3 },
      tie("text"),
      record({ type: fc.constantFrom("image", "document"), source: tie("source") }, ["type"]),
      record({ type: fc.constant("tool_result"), content: mostly(fc.array(tie("block"), { maxLength: 2 })) }, ["type"]),
      record({ type: fc.constant("tool_use"), name: words, input: fc.dictionary(words, words) }, ["type"]),
    ),
    body: record(
      {
        model: words,
        messages: mostly(
          fc.array(
            record({ role: fc.constantFrom("user", "assistant"), content: mostly(fc.array(tie("block"))) }, ["role"]),
            { maxLength: 3 },
          ),
        ),
        system: mostly(fc.oneof(words, fc.array(tie("text"), { maxLength: 2 }))),
        tools: fc.array(mostly(record({ name: words, input_schema: fc.constant({ type: "object" }) }, [])), {
          maxLength: 2,
        }),
        mcp_servers: mostly(fc.constant([])),
        max_tokens: mostly(fc.nat()),
        stream: fc.boolean(),
      },
      [],
    ),
  };
}).body;

describe("the table of names", () => {
  const KINDS: readonly Kind[] = ["field", "block", "source", "tool", "edit", "beta", "header"];

  it("gives every name a verdict and a reason", () => {
    for (const kind of KINDS) {
      assert.ok(namesOf(kind).length > 2);
      for (const name of namesOf(kind)) {
        const { verdict, reason } = lookUpName(kind, name) ?? assert.fail();
        assert.ok(["pass", "drop", "refuse"].includes(verdict) && reason.length > 5, name);
      }
    }
  });

  it("knows nothing else, whatever objects inherit", () => {
    for (const name of ["constructor", "__proto__", "toString", "", "Text"]) {
      assert.equal(lookUpName("block", name), undefined);
    }
  });

  it("compares betas and headers in lower case", () => {
    for (const name of [...namesOf("beta"), ...namesOf("header")]) assert.equal(name, name.toLowerCase());
  });
});

describe("beta features", () => {
  it("pass by name, in any letters, and are sent on as the table spells them", () => {
    assert.deepEqual(sortBetas("Claude-Code-20250219, FILES-API-2025-04-14,,Mcp-Client-2025-04-04 ,new-2030-01-01"), {
      kept: ["claude-code-20250219"],
      dropped: ["files-api-2025-04-14", "mcp-client-2025-04-04", "new-2030-01-01"],
    });
    assert.deepEqual(sortBetas("effort-2025-11-24,EFFORT-2025-11-24").kept, ["effort-2025-11-24"]);
  });

  it("are those of the table and no others, whatever is written", () => {
    const some = fc.oneof(fc.constantFrom(...namesOf("beta")), fc.string());
    const letters = fc.func(fc.boolean());
    fc.assert(
      fc.property(fc.array(some), letters, (names, upper) => {
        const header = names.map((name, at) => (upper(at) ? name.toUpperCase() : name)).join(",");
        for (const beta of sortBetas(header).kept) assert.equal(lookUpName("beta", beta)?.verdict, "pass");
      }),
    );
  });
});
