import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDemoModel } from "../../../../guest/agent/demo-model.ts";
import {
  type ConversationMessage,
  demoTask,
  nextTurn,
  OFFER_PROMPT,
  reportName,
  type Turn,
} from "../../../../guest/agent/demo-script.ts";

const OFFER = { model: "m", tools: ["Bash", "Read", "Write"] };

/** Plays a conversation: each use of a tool is answered by the next result. */
function play(prompt: string, results: { text: string; isError?: boolean }[]): Turn[] {
  const messages: ConversationMessage[] = [{ role: "user", content: [{ type: "text", text: prompt }] }];
  const turns: Turn[] = [];
  for (const result of [...results, { text: "unused" }]) {
    const turn = nextTurn(messages, OFFER);
    turns.push(turn);
    if (!turn.use) break;
    messages.push({ role: "assistant", content: [{ type: "tool_use" }] });
    messages.push({
      role: "user",
      content: [
        {
          type: "tool_result",
          is_error: result.isError ?? false,
          content: `${result.text}\n\n<system-reminder>\nx\n</system-reminder>`,
        },
      ],
    });
  }
  return turns;
}

describe("the scripted demo model", () => {
  it("reads, counts, writes and tells", () => {
    const turns = play(demoTask("/sessions/a-b-c/mnt/work/notes.txt"), [
      { text: "1\thello there\n2\tmore" },
      { text: "3" },
      { text: "created" },
    ]);
    assert.deepEqual(
      turns.map(({ use }) => use?.name),
      ["Read", "Bash", "Write", undefined],
    );
    assert.deepEqual(turns[0]?.use?.input, { file_path: "/sessions/a-b-c/mnt/work/notes.txt" });
    assert.equal(turns[1]?.use?.input["command"], "wc -w < '/sessions/a-b-c/mnt/work/notes.txt'");
    assert.deepEqual(turns[2]?.use?.input, {
      file_path: "/sessions/a-b-c/mnt/work/notes.report.md",
      content: "# Report on notes.txt\n\nFirst line: hello there\nWords: 3\n",
    });
    assert.match(turns[3]?.say ?? "", /^\[demo\] Done: .* has 3 words; the report is in .*notes\.report\.md\.$/);
  });

  it("finds a relative path first", () => {
    const turns = play(demoTask("mnt/work/notes.txt"), [
      { text: "/sessions/a-b-c/mnt/work/notes.txt" },
      { text: "1→only" },
      { text: "1" },
      { text: "created" },
    ]);
    assert.deepEqual(
      turns.map(({ use }) => use?.name),
      ["Bash", "Read", "Bash", "Write", undefined],
    );
    assert.equal(turns[0]?.use?.input["command"], "realpath -- 'mnt/work/notes.txt'");
    assert.match(String(turns[3]?.use?.input["content"]), /First line: only\nWords: 1\n$/);
  });

  it("stops at a failure and says which", () => {
    const turns = play(demoTask("/x"), [{ text: "File does not exist.", isError: true }]);
    assert.match(turns[1]?.say ?? "", /A tool failed, so I stop here: File does not exist\./);
    assert.equal(turns[1]?.use, undefined);
  });

  it("does not act beyond its one task, or without its tools", () => {
    assert.match(play("delete everything", [])[0]?.say ?? "", /scripted stand-in/);
    assert.equal(nextTurn([{ role: "user", content: demoTask("/x") }], { model: "m", tools: ["Bash"] }).use, undefined);
  });

  it("quotes paths for the shell", () => {
    const [, count] = play(demoTask("/a/it's"), [{ text: "1\tx" }]);
    assert.equal(count?.use?.input["command"], `wc -w < '/a/it'\\''s'`);
  });

  it("tells what it was offered", () => {
    assert.deepEqual(JSON.parse(play(OFFER_PROMPT, [])[0]?.say ?? ""), OFFER);
  });

  it("names reports after their files", () => {
    assert.deepEqual(
      [reportName("/a/b.txt"), reportName("b"), reportName("a.tar.gz")],
      ["b.report.md", "b.report.md", "a.tar.report.md"],
    );
  });

  describe("over HTTP", () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-demo-"));
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    const post = async (path: string, body: unknown) =>
      await new Promise<{ status: number; text: string; type: string }>((resolve, reject) => {
        const outgoing = request({ socketPath: join(folder, "demo"), path, method: "POST" });
        outgoing.once("error", reject);
        outgoing.once("response", async (response) => {
          let text = "";
          for await (const chunk of response) text += chunk;
          resolve({ status: response.statusCode ?? 0, text, type: response.headers["content-type"] ?? "" });
        });
        outgoing.end(JSON.stringify(body));
      });

    it("streams the events of the Messages API, the same each time", async () => {
      const seen: unknown[] = [];
      const demo = await startDemoModel({ socketPath: join(folder, "demo"), onRequest: (asked) => seen.push(asked) });
      try {
        const body = {
          model: "m",
          stream: true,
          tools: OFFER.tools.map((name) => ({ name })),
          messages: [{ role: "user", content: demoTask("/x/y.txt") }],
        };
        const first = await post("/v1/messages?beta=true", body);
        assert.equal(first.type, "text/event-stream");
        const events = first.text
          .split("\n\n")
          .filter(Boolean)
          .map((block) => {
            const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? [];
            const event = JSON.parse(data ?? "") as { type: string; delta?: { partial_json?: string } };
            assert.equal(event.type, name);
            return event;
          });
        assert.deepEqual(
          events.map(({ type }) => type),
          [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
          ],
        );
        assert.deepEqual(JSON.parse(events[5]?.delta?.partial_json ?? ""), { file_path: "/x/y.txt" });
        assert.equal((await post("/v1/messages", body)).text, first.text);
        assert.deepEqual(seen[0], { model: "m", tools: OFFER.tools, stream: true });
        const whole = JSON.parse((await post("/v1/messages", { ...body, stream: false })).text);
        assert.equal(whole.stop_reason, "tool_use");
        assert.equal((await post("/v1/messages/count_tokens", body)).text, '{"input_tokens":1}');
        assert.equal((await post("/v1/files", {})).status, 404);
      } finally {
        await demo.close();
      }
    });
  });
});
