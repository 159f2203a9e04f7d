import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken, type Relay, type RelayDecision, startRelay } from "../../../../guest/agent/relay.ts";

const TOKEN = makeToken();
const URL_MESSAGES = "http://model.cloister.internal/v1/messages";

/** What the relay makes of bytes on its socket: nothing between it and the test puts headers in order. */
describe("the model's relay, byte by byte", () => {
  let folder: string;
  let relay: Relay;
  let upstream: ReturnType<typeof createServer>;
  let asked: { headers: IncomingHttpHeaders; url: string; body: string }[];
  let decisions: RelayDecision[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-relay-"));
    upstream = createServer(async (incoming, response) => {
      let body = "";
      for await (const chunk of incoming) body += chunk;
      asked.push({ headers: incoming.headers, url: incoming.url ?? "", body });
      response.end("{}");
    });
    await new Promise<void>((resolve) => upstream.listen(join(folder, "upstream"), resolve));
    relay = await startRelay({
      socketPath: join(folder, "relay"),
      token: TOKEN,
      key: async () => "sk-ant-the-real-key",
      upstream: { origin: "http://api.example", socketPath: join(folder, "upstream") },
      onDecision: (decision) => decisions.push(decision),
    });
  });
  beforeEach(() => {
    asked = [];
    decisions = [];
  });
  after(async () => {
    await relay.close();
    upstream.closeAllConnections();
    upstream.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Sends bytes and gives the answer's status, once the relay has closed the connection. */
  const send = async (text: string) =>
    await new Promise<number>((resolve, reject) => {
      let got = "";
      const socket = connect(join(folder, "relay"), () => socket.write(text));
      socket.on("data", (chunk) => {
        got += chunk;
      });
      socket.once("error", reject);
      socket.once("close", () => resolve(Number(got.split(" ")[1])));
    });
  const HEADERS = ["Host: model.cloister.internal", `X-Api-Key: ${TOKEN}`, "Connection: close"];
  const post = async (headers: readonly string[], body = '{"model":"m"}', framing = `Content-Length: ${body.length}`) =>
    await send(`POST ${URL_MESSAGES} HTTP/1.1\r\n${[...HEADERS, framing, ...headers].join("\r\n")}\r\n\r\n${body}`);

  it("passes a plain request on, whatever its framing", async () => {
    assert.equal(await post([]), 200);
    assert.equal(await post(["Content-Type: application/json; charset=utf-8"]), 200);
    assert.equal(
      await post([], '6\r\n{"a":1\r\n1\r\n}\r\n0\r\n\r\n'.replace("a", "b"), "Transfer-Encoding: chunked"),
      403,
    );
    assert.equal(
      await post([], 'e\r\n{"model" : "m"}\r\n0\r\n\r\n'.replace("e", "f"), "Transfer-Encoding: chunked"),
      200,
    );
    assert.deepEqual(
      asked.map(({ body }) => body),
      ['{"model":"m"}', '{"model":"m"}', '{"model":"m"}'],
      "written anew: spaces are gone",
    );
    assert.equal(asked[1]?.headers["content-type"], "application/json");
    assert.deepEqual(
      decisions.map(({ verdict, reason }) => `${verdict}: ${reason}`),
      [
        "allowed: passed on to the model",
        "allowed: passed on to the model",
        "denied: an unknown field is not passed on: the relay does not know it",
        "allowed: passed on to the model",
      ],
    );
  });

  for (const [what, headers, status, reason] of [
    ["a key given twice, in two headers", [`X-Api-Key: ${TOKEN}`], 403, /not this session's token/],
    ["a Host given twice", ["Host: evil.example"], 400, /twice/],
    ["a content type given twice", ["Content-Type: application/json", "Content-Type: text/plain"], 400, /twice/],
    ["a version given twice", ["Anthropic-Version: 2023-06-01", "anthropic-version: 2023-06-01"], 400, /twice/],
    ["a packed body", ["Content-Encoding: gzip"], 415, /compressed/],
    ["a body said not to be packed", ["Content-Encoding: identity"], 415, /compressed/],
    ["a form", ["Content-Type: application/x-www-form-urlencoded"], 415, /content type/],
    ["parts", ["Content-Type: multipart/form-data; boundary=x"], 415, /content type/],
    ["JSON in other letters", ["Content-Type: application/json; charset=utf-16"], 415, /content type/],
    ["a version that is not known", ["Anthropic-Version: 2099-01-01"], 403, /anthropic-version/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      assert.equal(await post(headers), status);
      assert.equal(asked.length, 0);
      assert.equal(decisions.length, 1);
      assert.equal(decisions[0]?.verdict, "denied");
      assert.match(decisions[0]?.reason ?? "", reason);
    });
  }

  it("refuses a packed transfer encoding", async () => {
    assert.equal(await post([], "0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), 400);
    assert.match(decisions[0]?.reason ?? "", /no transfer encoding but chunked/);
  });

  it("refuses a body that is two", async () => {
    const body = '{"model":"m"}';
    const status = await post([`Transfer-Encoding: chunked`], body);
    assert.equal(status, 400);
    assert.match(decisions[0]?.reason ?? "", /malformed HTTP/);
    assert.equal(asked.length, 0);
  });

  it("tells of requests that are none, of those that end too early, and of tunnels", async () => {
    assert.equal(await send("GARBAGE\r\n\r\n"), 400);
    assert.equal(await send("CONNECT model.cloister.internal:80 HTTP/1.1\r\n\r\n"), 403);
    await new Promise<void>((resolve) => {
      const socket = connect(join(folder, "relay"), () => {
        socket.write(`POST ${URL_MESSAGES} HTTP/1.1\r\n${HEADERS.join("\r\n")}\r\nContent-Length: 100\r\n\r\n{`);
        setTimeout(() => socket.destroy(), 50);
      });
      socket.once("close", () => setTimeout(resolve, 50));
    });
    assert.deepEqual(
      decisions.map(({ verdict, reason }) => [verdict, reason.replace(/HPE_\w+/, "HPE")]),
      [
        ["denied", "malformed HTTP (HPE)"],
        ["denied", "the model's relay takes plain HTTP only"],
        ["denied", "the request ended before it was whole"],
      ],
    );
    assert.equal(asked.length, 0);
  });

  it("tells of every refusal, and which betas were left out, by names it knows only", async () => {
    await post(["Anthropic-Beta: Files-API-2025-04-14, secret-2030-01-01,claude-code-20250219"]);
    await post([], '{"container":"secret"}');
    await send(
      `GET http://model.cloister.internal/v1/files/secret?q=secret HTTP/1.1\r\n${HEADERS.join("\r\n")}\r\n\r\n`,
    );
    assert.deepEqual(decisions, [
      {
        method: "POST",
        path: "/v1/messages",
        verdict: "allowed",
        reason: "passed on to the model, without the betas files-api-2025-04-14, 1 unknown",
      },
      {
        method: "POST",
        path: "/v1/messages",
        verdict: "denied",
        reason:
          "the field container is not passed on: the API's servers run it: it makes the API reach out on the session's behalf, past its egress policy",
      },
      { method: "GET", path: "/v1/files/secret", verdict: "denied", reason: "this path is not passed on" },
    ]);
    assert.equal(asked[0]?.headers["anthropic-beta"], "claude-code-20250219");
  });

  it("sends on no header that it does not know, and no value", async () => {
    await post([
      "Accept: application/json",
      "Accept-Encoding: gzip, secret, BR",
      "X-Stainless-Lang: js",
      "X-App: cli",
      "User-Agent: a\u00e9b",
      "X-Claude-Code-Session-Id: secret",
      "Anthropic-Workspace-Id: secret",
      "Anthropic-Dangerous-Direct-Browser-Access: true",
      "X-Http-Method-Override: DELETE",
      "Forwarded: host=evil",
    ]);
    const { host, connection, "content-length": length, ...rest } = asked[0]?.headers ?? {};
    assert.deepEqual(rest, {
      accept: "application/json",
      "accept-encoding": "gzip, br",
      "x-app": "cli",
      "x-api-key": "sk-ant-the-real-key",
    });
    assert.deepEqual([host, length], ["api.example", "13"]);
    assert.ok(connection);
  });

  it("answers by itself whether it is there", async () => {
    assert.equal(
      await send(`HEAD http://model.cloister.internal/api/hello HTTP/1.1\r\nConnection: close\r\n\r\n`),
      200,
    );
    assert.deepEqual(decisions[0]?.verdict, "allowed");
    assert.equal(asked.length, 0);
  });
});
