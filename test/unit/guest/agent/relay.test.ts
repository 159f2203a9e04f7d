import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { makeToken, type Relay, type RelayEvent, startRelay } from "../../../../guest/agent/relay.ts";
import { MAX_ITEMS } from "../../../../guest/agent/relay-json.ts";

const KEY = "sk-ant-the-real-key";
const TOKEN = makeToken();
const URL_MESSAGES = "http://model.cloister.internal/v1/messages?beta=true";

describe("the model's relay", () => {
  let folder: string;
  let relay: Relay;
  let events: RelayEvent[];
  let asked: { headers: IncomingHttpHeaders; url: string; body: string }[];
  let upstream: ReturnType<typeof createServer>;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-relay-"));
    events = [];
    asked = [];
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json", "set-cookie": "a=b", "request-id": "r1" });
      response.end('{"ok":true}');
    };
    upstream = createServer(async (incoming, response) => {
      let body = "";
      for await (const chunk of incoming) body += chunk;
      asked.push({ headers: incoming.headers, url: incoming.url ?? "", body });
      answer(incoming, response);
    });
    await new Promise<void>((resolve) => upstream.listen(join(folder, "upstream"), resolve));
    relay = await start({ key: KEY });
  });
  afterEach(async () => {
    await relay.close();
    upstream.closeAllConnections();
    upstream.close();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (more: { key?: string; socket?: string }) =>
    await startRelay({
      socketPath: join(folder, "relay"),
      token: TOKEN,
      upstream: { origin: "http://api.example", socketPath: join(folder, more.socket ?? "upstream") },
      ...(more.key === undefined ? {} : { key: async () => more.key as string }),
      onEvent: (event) => events.push(event),
    });

  interface Asking {
    url?: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string | undefined;
  }
  /** As sandbox-runtime's proxy asks: in absolute form, over the UNIX socket. */
  const ask = async ({ url = URL_MESSAGES, method = "POST", headers, body = '{"model":"m"}' }: Asking = {}) =>
    await new Promise<{ status: number; text: string; headers: IncomingHttpHeaders }>((resolve, reject) => {
      const outgoing = request({
        socketPath: join(folder, "relay"),
        path: url,
        method,
        headers: { host: "model.cloister.internal", ...(headers ?? { "x-api-key": TOKEN }) },
      });
      outgoing.once("error", reject);
      outgoing.once("response", async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
      outgoing.end(method === "POST" ? body : undefined);
    });
  const reason = (text: string) => (JSON.parse(text) as { error: { message: string } }).error.message;

  it("exchanges the session's token for the key, in either header", async () => {
    for (const headers of [{ "x-api-key": TOKEN }, { authorization: `Bearer ${TOKEN}` }]) {
      const { status, text } = await ask({ headers });
      assert.deepEqual([status, text], [200, '{"ok":true}']);
      const { headers: got, url, body } = asked.at(-1) ?? assert.fail();
      assert.equal(got["x-api-key"], KEY);
      assert.equal(got.authorization, undefined);
      assert.equal(got.host, "api.example");
      assert.equal(url, "/v1/messages?beta=true");
      assert.equal(body, '{"model":"m"}');
    }
  });

  it("holds no more than a few large bodies at a time, and takes all of them one after the other", async () => {
    const text = "x".repeat(30 * 1024 * 1024);
    const large = JSON.stringify({ model: "m", messages: [{ role: "user", content: text }] });
    // They are held until they are answered.
    let waiting: ServerResponse[] = [];
    answer = (_, response) => waiting.push(response);
    const all = Promise.all(Array.from({ length: 5 }, () => ask({ body: large })));
    for (const end = Date.now() + 20_000; waiting.length < 3 && Date.now() < end; ) await sleep(20);
    assert.ok(waiting.length <= 3, `${waiting.length} reached the API`);
    for (const response of waiting) response.end("{}");
    const statuses = (await all).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    assert.ok(events.some(({ reason: why }) => /together: send them one after the other/.test(why ?? "")));
    waiting = [];
    answer = (_, response) => response.end("{}");
    for (let i = 0; i < 4; i++) assert.equal((await ask({ body: large })).status, 200, "control: one after the other");
  }).timeout(60_000);

  describe("in memory", () => {
    /** The heap in megabytes, without what is no longer needed. */
    const heap = () => {
      setFlagsFromString("--expose-gc");
      (runInNewContext("gc") as () => void)();
      return process.memoryUsage().heapUsed / 1e6;
    };

    it("keeps no more of a body than its bytes, in however small pieces it comes", async () => {
      const socket = connect(join(folder, "relay"));
      socket.write(
        `POST ${URL_MESSAGES} HTTP/1.1\r\nhost: model.cloister.internal\r\nx-api-key: ${TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      const [before, count] = [heap(), 100_000];
      const pieces = (text: string) => text.replace(/./gs, "1\r\n$&\r\n");
      for (let sent = 0; sent < count; sent += 10_000)
        if (!socket.write(pieces(" ".repeat(10_000)))) await new Promise((resolve) => socket.once("drain", resolve));
      // What was written is read when the answer to the rest of it has come.
      await sleep(500);
      const grown = heap() - before;
      assert.ok(grown < 8, `${grown} MB more for ${count} bytes`);
      const answered = new Promise<Buffer>((resolve) => socket.once("data", resolve));
      socket.write(`${pieces('{"model":"m"}')}0\r\n\r\n`);
      assert.match(String(await answered), /^HTTP\/1\.1 200 /, "control");
      assert.equal(asked.at(-1)?.body, '{"model":"m"}');
      socket.destroy();
    });

    /** Begins a request with these bytes of its body, and does not end it. */
    const begin = (body: Buffer): Socket => {
      const socket = connect(join(folder, "relay"));
      socket.on("error", () => {});
      socket.write(
        `POST ${URL_MESSAGES} HTTP/1.1\r\nhost: model.cloister.internal\r\nx-api-key: ${TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      socket.write(`${body.length.toString(16)}\r\n`);
      socket.write(body);
      socket.write("\r\n");
      return socket;
    };
    const statusOf = (socket: Socket) =>
      new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data).slice(9, 12))));
    /** Bytes of all bodies, in MiB. They go some time after what held them. */
    const buffers = async () => {
      heap();
      await sleep(300);
      heap();
      return process.memoryUsage().arrayBuffers / 2 ** 20;
    };

    it("takes little for a body of which one byte came", async () => {
      const before = await buffers();
      const sockets = Array.from({ length: 400 }, () => begin(Buffer.from(" ")));
      await sleep(1000);
      const grown = (await buffers()) - before;
      assert.ok(grown < 8, `${grown} MiB for 400 bytes`);
      assert.equal((await ask()).status, 200, "control: there is room for others");
      const first = sockets[0] ?? assert.fail();
      const status = statusOf(first);
      first.write('d\r\n{"model":"m"}\r\n0\r\n\r\n');
      assert.equal(await status, "200", "control: it was being read");
      for (const socket of sockets) socket.destroy();
    });

    it("counts the room that bodies take while they come, and gives it back", async () => {
      const part = Buffer.alloc(17 * 2 ** 20, " ");
      const before = await buffers();
      const refused = new Map<Socket, string>();
      const sockets = Array.from({ length: 5 }, () => begin(part));
      for (const socket of sockets) void statusOf(socket).then((status) => refused.set(socket, status));
      for (const end = Date.now() + 30_000; refused.size < 2 && Date.now() < end; ) await sleep(50);
      const grown = (await buffers()) - before;
      assert.ok(grown < 110, `${grown} MiB for five times 17`);
      assert.ok(refused.size >= 2, `${refused.size} refused`);
      assert.deepEqual([...new Set(refused.values())], ["429"]);
      const others = sockets.filter((socket) => !refused.has(socket));
      assert.ok(others.length >= 1);
      const statuses = Promise.all(others.map(statusOf));
      for (const socket of others) socket.write('d\r\n{"model":"m"}\r\n0\r\n\r\n');
      assert.deepEqual([...new Set(await statuses)], ["200"], "control: the others are served");
      // What is left over of the room is free once a body is there, though its answer is still to come.
      const waiting: ServerResponse[] = [];
      answer = (_, response) => waiting.push(response);
      const large = JSON.stringify({ model: "m", messages: [{ role: "user", content: "x".repeat(part.length) }] });
      const all = [];
      for (let i = 0; i < 4; i++) {
        all.push(ask({ body: large }));
        for (const end = Date.now() + 20_000; waiting.length <= i; await sleep(20)) assert.ok(Date.now() < end);
      }
      for (const response of waiting) response.end("{}");
      assert.deepEqual(
        (await Promise.all(all)).map(({ status }) => status),
        [200, 200, 200, 200],
      );
      for (const socket of sockets) socket.destroy();
    }).timeout(60_000);

    it("keeps of a request that waits for its answer only what it has sent on", async () => {
      const waiting: ServerResponse[] = [];
      answer = (_, response) => waiting.push(response);
      const lists = `[${"[],".repeat(MAX_ITEMS - 100)}[]]`;
      const body = `{"model":"m","tools":[{"name":"t","input_schema":{"x":${lists}}}]}`;
      const before = heap();
      const all = Promise.all(Array.from({ length: 6 }, () => ask({ body })));
      for (const end = Date.now() + 20_000; waiting.length < 6; await sleep(20)) assert.ok(Date.now() < end, "control");
      asked = [];
      const grown = heap() - before;
      assert.ok(grown < 25, `${grown} MB more for 6 requests of ${body.length} bytes`);
      for (const response of waiting) response.end("{}");
      assert.deepEqual([...new Set((await all).map(({ status }) => status))], [200]);
    });
  });

  it("passes back the headers that an agent reads, and follows no answer to another place", async () => {
    answer = (incoming, response) => {
      response.writeHead(307, {
        location: "http://127.0.0.1:9/elsewhere",
        "x-echo": String(incoming.headers["x-api-key"]),
        "anthropic-organization-id": "operator",
        "retry-after": "3",
        "anthropic-ratelimit-requests-remaining": "9",
      });
      response.end("{}");
    };
    const { status, headers } = await ask();
    assert.equal(status, 307, "the answer itself is the session's to see");
    assert.equal(asked.length, 1, "the key goes nowhere else");
    assert.equal(asked[0]?.headers["x-api-key"], KEY, "control: it was sent");
    assert.doesNotMatch(JSON.stringify(headers), new RegExp(`${KEY}|elsewhere|operator`));
    assert.deepEqual([headers["retry-after"], headers["anthropic-ratelimit-requests-remaining"]], ["3", "9"]);
  });

  it("asks for the key with every request, and tells when the API refuses it", async () => {
    await relay.close();
    const keys = [KEY, "sk-ant-the-next-key"];
    let refused = 0;
    relay = await startRelay({
      socketPath: join(folder, "relay"),
      token: TOKEN,
      key: async () => keys.shift() ?? "none",
      upstream: { origin: "http://api.example", socketPath: join(folder, "upstream") },
      onKeyRefused: () => {
        refused += 1;
      },
    });
    await ask();
    await ask();
    assert.deepEqual(
      asked.map(({ headers }) => headers["x-api-key"]),
      [KEY, "sk-ant-the-next-key"],
    );
    assert.equal(refused, 0);
    answer = (_, response) => response.writeHead(401).end();
    assert.equal((await ask()).status, 401);
    assert.equal(refused, 1);
    // A token that is not the session's says nothing about the key.
    assert.equal((await ask({ headers: {} })).status, 401);
    assert.equal(refused, 1);
  });

  it("sends no key at all where it has none", async () => {
    await relay.close();
    relay = await start({});
    assert.equal((await ask()).status, 200);
    assert.deepEqual([asked[0]?.headers["x-api-key"], asked[0]?.headers.authorization], [undefined, undefined]);
  });

  it("refuses any other key, even beside the token", async () => {
    for (const headers of [
      { "x-api-key": "sk-ant-of-somebody-else" },
      { authorization: "Bearer sk-ant-of-somebody-else" },
      { "x-api-key": TOKEN, authorization: "Bearer sk-ant-of-somebody-else" },
      { "x-api-key": `${TOKEN}x` },
      { "x-api-key": "" },
    ]) {
      const { status, text } = await ask({ headers });
      assert.equal(status, 403);
      assert.match(reason(text), /not this session's token/);
    }
    assert.equal(asked.length, 0);
  });

  it("asks for a key when there is none", async () => {
    const { status, text } = await ask({ headers: {} });
    assert.equal(status, 401);
    assert.match(reason(text), /carries no key/);
  });

  it("answers HEAD / by itself: Claude Code looks whether its API is there", async () => {
    assert.equal((await ask({ method: "HEAD", url: "http://model.cloister.internal/", headers: {} })).status, 200);
    assert.equal(asked.length, 0);
  });

  it("passes on nothing but the few paths of the model, to the one host", async () => {
    for (const [method, url] of [
      ["POST", "http://model.cloister.internal/v1/files"],
      ["GET", "http://model.cloister.internal/v1/messages"],
      ["POST", "http://model.cloister.internal/v1/messages/batches"],
      ["POST", "http://model.cloister.internal/v1/messages?x=1"],
      ["POST", "http://model.cloister.internal/v1/../v1/organizations"],
      ["POST", "http://api.anthropic.com/v1/messages"],
      ["POST", "http://model.cloister.internal:81/v1/messages"],
    ] as const) {
      assert.equal((await ask({ method, url })).status, 403, url);
    }
    assert.equal(asked.length, 0);
    assert.equal(events.length, 7);
  });

  it("refuses tunnels", async () => {
    const answered = await new Promise<string>((resolve) => {
      const socket = connect(join(folder, "relay"), () =>
        socket.write("CONNECT model.cloister.internal:80 HTTP/1.1\r\n\r\n"),
      );
      socket.once("data", (data) => resolve(String(data)));
    });
    assert.match(answered, /^HTTP\/1\.1 403 /);
  });

  it("refuses what makes the API reach out for the session", async () => {
    const bodies = [
      { mcp_servers: [{ type: "url", url: "https://evil.example" }] },
      { tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] },
      { tools: [{ type: "code_execution_20250825", name: "c" }] },
      { container: "c1" },
      { messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url: "https://x" } }] }] },
      {
        messages: [
          {
            role: "user",
            content: [{ type: "tool_result", content: [{ type: "document", source: { type: "file", file_id: "f" } }] }],
          },
        ],
      },
    ];
    for (const body of bodies) {
      const { status, text } = await ask({ body: JSON.stringify(body) });
      assert.equal(status, 403, text);
      assert.match(reason(text), /past its egress policy/);
    }
    assert.equal(asked.length, 0);
  });

  it("passes on what an agent sends", async () => {
    const body = JSON.stringify({
      model: "claude-opus-4-5-20251101",
      mcp_servers: [],
      container: null,
      tools: [
        { name: "Bash", input_schema: {} },
        { type: "custom", name: "Read" },
        { type: "bash_20250124", name: "b" },
      ],
      messages: [
        { role: "user", content: "text" },
        { role: "user", content: [{ type: "image", source: { type: "base64", data: "" } }] },
      ],
    });
    assert.equal((await ask({ body })).status, 200);
    assert.equal(asked[0]?.body, body);
    assert.deepEqual(events[0]?.tools, ["Bash", "Read", "b"]);
    assert.equal(events[0]?.model, "claude-opus-4-5-20251101");
  });

  it("forwards no header that names another place or feature", async () => {
    await ask({
      headers: {
        "x-api-key": TOKEN,
        cookie: "c=1",
        "x-forwarded-host": "h",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219, files-api-2025-04-14,mcp-client-2025-04-04",
        "user-agent": "claude-cli",
      },
    });
    const { headers } = asked[0] ?? assert.fail();
    assert.deepEqual(Object.keys(headers).sort(), [
      "anthropic-beta",
      "anthropic-version",
      "connection",
      "content-length",
      "host",
      "user-agent",
      "x-api-key",
    ]);
    assert.equal(headers["anthropic-beta"], "claude-code-20250219");
  });

  it("brings no cookie back", async () => {
    const { headers } = await ask();
    assert.equal(headers["set-cookie"], undefined);
    assert.equal(headers["request-id"], "r1");
  });

  it("streams: the first event arrives before the last was sent", async () => {
    let finish = () => {};
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("event: one\n\n");
      finish = () => response.end("event: two\n\n");
    };
    const text = await new Promise<string>((resolve, reject) => {
      const outgoing = request({
        socketPath: join(folder, "relay"),
        path: URL_MESSAGES,
        method: "POST",
        headers: { "x-api-key": TOKEN },
      });
      outgoing.once("error", reject);
      outgoing.once("response", (response) => {
        let got = "";
        response.on("data", (chunk) => {
          got += chunk;
          finish();
        });
        response.on("end", () => resolve(got));
      });
      outgoing.end("{}");
    });
    assert.equal(text, "event: one\n\nevent: two\n\n");
  });

  it("refuses bodies that it cannot look into", async () => {
    assert.equal((await ask({ body: "no json" })).status, 400);
    assert.equal((await ask({ body: "[1]" })).status, 400);
    assert.equal((await ask({ headers: { "x-api-key": TOKEN, "content-encoding": "gzip" } })).status, 415);
  });

  it("passes the API's own errors on", async () => {
    answer = (_, response) => response.writeHead(529, { "retry-after": "3" }).end("{}");
    const { status, headers } = await ask();
    assert.deepEqual([status, headers["retry-after"]], [529, "3"]);
  });

  it("says 502 when the API cannot be reached, and never a key", async () => {
    await relay.close();
    relay = await start({ key: KEY, socket: "nobody" });
    const { status, text } = await ask();
    assert.equal(status, 502);
    assert.match(reason(text), /cannot be reached: ENOENT/);
    await ask({ headers: { "x-api-key": "sk-ant-of-somebody-else" } });
    assert.doesNotMatch(JSON.stringify([text, events]), /sk-ant|cloister-session-/);
  });

  it("dials the origin by its name and port where it has no socket", async () => {
    const tcp = createServer((incoming, response) => response.end(incoming.headers.host));
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as { port: number };
    await relay.close();
    relay = await startRelay({
      socketPath: join(folder, "relay"),
      token: TOKEN,
      key: async () => KEY,
      upstream: { origin: `http://127.0.0.1:${port}` },
    });
    assert.equal((await ask()).text, `127.0.0.1:${port}`);
    tcp.closeAllConnections();
    tcp.close();
  });

  it("is for its owner only, and leaves no socket", async () => {
    assert.equal((await stat(join(folder, "relay"))).mode & 0o777, 0o600);
    await relay.close();
    await assert.rejects(stat(join(folder, "relay")));
    relay = await start({ key: KEY });
  });
});
