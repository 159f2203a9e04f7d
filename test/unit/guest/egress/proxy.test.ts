import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EgressDecision } from "../../../../guest/egress/decision.ts";
import { EgressProxy } from "../../../../guest/egress/proxy.ts";
import { resolveFrom, testPolicy } from "../../../support/sandbox.ts";

/** The proxy by its sockets, as the bridges use it: no sandbox is needed for what it decides. */
describe("a session's egress proxy", () => {
  let folder: string;
  let server: Server;
  let port: number;
  let proxy: EgressProxy;
  const decisions: EgressDecision[] = [];
  const seen: IncomingMessage[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-egress-"));
    server = createServer((incoming, response) => {
      seen.push(incoming);
      response.end(`hello from ${incoming.headers.host}`);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    proxy = new EgressProxy({
      session: "calm-testing-turing",
      folder,
      policy: testPolicy(
        [
          `allowed.example:${port}`,
          "private.example",
          "metadata.example",
          "mapped.example",
          "nat64.example",
          "*.nip.io",
          "*.wild.example",
          "gone.example",
        ],
        [`127.0.0.1:${port}`],
      ),
      resolver: resolveFrom({
        "allowed.example": "127.0.0.1",
        "private.example": "10.1.2.3",
        "metadata.example": "169.254.169.254",
        "mapped.example": "::ffff:169.254.169.254",
        "nat64.example": "64:ff9b::a9fe:a9fe",
        "169-254-169-254.nip.io": "169.254.169.254",
        "a.wild.example": "fd00:ec2::254",
      }),
      internal: { host: "model.cloister.internal", port: 80, socketPath: join(folder, "relay.sock") },
    });
    proxy.on("decision", (decision) => decisions.push(decision));
    await proxy.start();
  });

  beforeEach(() => {
    decisions.length = 0;
    seen.length = 0;
  });

  after(async () => {
    await proxy.stop();
    server.close();
    await rm(folder, { recursive: true });
  });

  const authorization = (token: string) => `Basic ${Buffer.from(`srt:${token}`).toString("base64")}`;

  /** A plain HTTP request through the proxy. */
  async function get(url: string, options: { token?: string | undefined; host?: string } = { token: proxy.token }) {
    const outgoing = request({
      socketPath: proxy.httpSocket,
      path: url,
      headers: {
        host: options.host ?? new URL(url).host,
        ...(options.token === undefined ? {} : { "proxy-authorization": authorization(options.token) }),
      },
    });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of response.setEncoding("utf8")) body += chunk;
    return { status: response.statusCode, tag: response.headers["x-proxy-error"], body: body.trim() };
  }

  /** A CONNECT through the proxy: the status, and the body of a refusal. */
  async function tunnel(target: string, token: string | undefined = proxy.token) {
    const socket = connect(proxy.httpSocket);
    const header = token === "" ? "" : `Proxy-Authorization: ${authorization(token)}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${header}\r\n`);
    const text = await firstAnswer(socket);
    socket.destroy();
    return { status: Number(text.split(" ")[1]), text };
  }

  /** A SOCKS5 request through the proxy: the reply code (RFC 1928), or "no method" or "credentials". */
  async function socks(host: string, toPort: number, token: string | undefined = proxy.token) {
    const socket = connect(proxy.socksSocket);
    try {
      const methods = token === "" ? [5, 1, 0] : [5, 1, 2];
      socket.write(Buffer.from(methods));
      const [, method] = await bytes(socket, 2);
      if (method === 255) return "no method";
      if (token !== "") {
        const user = Buffer.from("srt");
        const password = Buffer.from(token);
        socket.write(Buffer.from([1, user.length, ...user, password.length, ...password]));
        const answer = await bytes(socket, 2).catch(() => [1, 1]);
        if (answer[1] !== 0) return "credentials";
      }
      const name = Buffer.from(host);
      socket.write(Buffer.from([5, 1, 0, 3, name.length, ...name, toPort >> 8, toPort & 255]));
      return (await bytes(socket, 4))[1];
    } finally {
      socket.destroy();
    }
  }

  it("lets a listed host through, by all three ways, and writes a row for each", async () => {
    assert.deepEqual(await get(`http://allowed.example:${port}/a/b?secret=1`), {
      status: 200,
      tag: undefined,
      body: `hello from allowed.example:${port}`,
    });
    assert.equal((await tunnel(`allowed.example:${port}`)).status, 200);
    assert.equal(await socks("allowed.example", port), 0);
    assert.deepEqual(
      decisions.map(({ via, verdict, host, method, path }) => ({ via, verdict, host, method, path })),
      [
        { via: "http", verdict: "allowed", host: "allowed.example", method: "GET", path: "/a/b" },
        { via: "connect", verdict: "allowed", host: "allowed.example", method: undefined, path: undefined },
        { via: "socks", verdict: "allowed", host: "allowed.example", method: undefined, path: undefined },
      ],
    );
    const [row] = decisions;
    assert.equal(row?.session, "calm-testing-turing");
    assert.equal(row?.reason, `allowed by allowed.example:${port}`);
    assert.match(row?.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("answers 403 with the reason for any other host, by all three ways", async () => {
    const plain = await get("http://denied.example/x");
    assert.equal(plain.status, 403);
    assert.equal(plain.tag, "blocked-by-allowlist");
    assert.match(plain.body, /blocked by network allowlist/);
    const tunnelled = await tunnel("denied.example:443");
    assert.equal(tunnelled.status, 403);
    assert.match(tunnelled.text, /blocked by network allowlist/);
    assert.equal(await socks("denied.example", 443), 2);
    assert.deepEqual(
      decisions.map(({ via, verdict, host, port: to, reason }) => ({ via, verdict, host, to, reason })),
      [
        { via: "http", verdict: "denied", host: "denied.example", to: 80, reason: "not on the allow list" },
        { via: "connect", verdict: "denied", host: "denied.example", to: 443, reason: "not on the allow list" },
        { via: "socks", verdict: "denied", host: "denied.example", to: 443, reason: "not on the allow list" },
      ],
    );
  });

  const imds = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "169.254.169.254.",
  ];
  for (const host of imds) {
    it(`denies the metadata service spelled ${host}`, async () => {
      assert.equal((await get(`http://${host}/latest/meta-data/`)).status, 403);
      assert.equal((await tunnel(`${host}:80`)).status, 403);
      const bare = host.replace(/[[\]]/g, "");
      assert.notEqual(await socks(bare, 80), 0);
      assert.ok(decisions.length >= 3 && decisions.every(({ verdict }) => verdict === "denied"));
    });
  }

  for (const [name, why] of [
    ["private.example", /a listed address/],
    ["metadata.example", /link-local/],
    ["mapped.example", /link-local/],
    ["nat64.example", /link-local/],
    ["169-254-169-254.nip.io", /link-local/],
    ["a.wild.example", /metadata/],
  ] as const) {
    it(`denies ${name}, which is listed but leads to an address that nobody may reach`, async () => {
      const plain = await get(`http://${name}/`);
      assert.equal(plain.status, 403);
      assert.match(plain.body, why);
      const tunnelled = await tunnel(`${name}:443`);
      assert.equal(tunnelled.status, 403);
      assert.match(tunnelled.text, why);
      assert.equal(await socks(name, 443), 2);
      const denied = decisions.filter(({ verdict }) => verdict === "denied");
      assert.deepEqual(
        denied.map(({ via }) => via),
        ["http", "connect", "socks"],
      );
      assert.ok(denied.every(({ reason }) => why.test(reason)));
    });
  }

  it("denies a listed host on another port than the listed one", async () => {
    assert.equal((await tunnel("allowed.example:22")).status, 403);
    assert.equal((await get(`http://allowed.example:${port + 1}/`)).status, 403);
    assert.equal(await socks("allowed.example", 22), 2);
  });

  it("compares whole names: neither a suffix, nor user information, nor the apex of a wildcard will do", async () => {
    assert.equal((await get(`http://allowed.example@denied.example:${port}/`)).status, 403);
    assert.equal((await get(`http://notallowed.example:${port}/`)).status, 403);
    assert.equal((await tunnel(`allowed.example.evil.example:${port}`)).status, 403);
    assert.equal((await tunnel("wild.example:443")).status, 403);
    assert.equal(await socks(`denied.example\0allowed.example`, port), 2);
    assert.equal(await socks(`denied.example%allowed.example`, port), 2);
    assert.ok(decisions.every(({ verdict }) => verdict === "denied"));
    assert.ok(decisions.every(({ host }) => !host.includes("\0")));
  });

  it("takes a trailing dot and capitals for the same name", async () => {
    assert.equal((await get(`http://ALLOWED.example.:${port}/`)).status, 200);
    assert.equal(seen[0]?.headers.host, `allowed.example:${port}`);
  });

  it("sends the Host of the URL, whatever the Host header says", async () => {
    const { body } = await get(`http://allowed.example:${port}/`, { token: proxy.token, host: "victim.example" });
    assert.equal(body, `hello from allowed.example:${port}`);
  });

  it("does not hand the token on", async () => {
    await get(`http://allowed.example:${port}/`);
    assert.equal(seen[0]?.headers["proxy-authorization"], undefined);
  });

  it("answers 407 without the session's token, and writes a row", async () => {
    const other = "0".repeat(32);
    assert.equal((await get(`http://allowed.example:${port}/`, {})).status, 407);
    assert.equal((await get(`http://allowed.example:${port}/`, { token: other })).status, 407);
    assert.equal((await tunnel(`allowed.example:${port}`, "")).status, 407);
    assert.equal((await tunnel(`allowed.example:${port}`, other)).status, 407);
    assert.equal(await socks("allowed.example", port, other), "credentials");
    assert.equal(await socks("allowed.example", port, ""), 2);
    assert.equal(seen.length, 0);
    assert.deepEqual(
      decisions.map(({ via, verdict, host, reason }) => [via, verdict, host, reason]),
      [
        ["http", "allowed.example"],
        ["http", "allowed.example"],
        ["connect", "allowed.example"],
        ["connect", "allowed.example"],
        // A SOCKS client says where it wants to go only after its password was taken.
        ["socks", "?"],
        ["socks", "allowed.example"],
      ].map(([via, host]) => [via, "denied", host, "wrong or missing proxy token"]),
    );
  });

  it("answers 502 for a listed name that does not exist", async () => {
    assert.equal((await get("http://gone.example/")).status, 502);
  });

  describe("with an internal host", () => {
    let relay: Server;
    const asked: string[] = [];

    before(async () => {
      relay = createServer((incoming, response) => {
        asked.push(`${incoming.method} ${incoming.url} ${incoming.headers.host}`);
        response.end("from the relay");
      }).listen(join(folder, "relay.sock"));
      await once(relay, "listening");
    });

    after(() => relay.close());

    it("hands plain HTTP to its socket, in absolute form", async () => {
      assert.equal((await get("http://model.cloister.internal/v1/messages?beta=true")).body, "from the relay");
      assert.deepEqual(asked, ["GET http://model.cloister.internal/v1/messages?beta=true model.cloister.internal"]);
      assert.deepEqual(
        decisions.map(({ verdict, reason, path }) => [verdict, reason, path]),
        [["allowed", "internal", "/v1/messages"]],
      );
    });

    it("is reached in no other way", async () => {
      asked.length = 0;
      assert.equal((await tunnel("model.cloister.internal:80")).status, 403);
      assert.equal((await tunnel("model.cloister.internal:443")).status, 403);
      assert.equal((await get("http://model.cloister.internal:8080/")).status, 403);
      assert.equal((await get("http://x.model.cloister.internal/")).status, 403);
      assert.equal(await socks("model.cloister.internal", 80), 2);
      assert.deepEqual(asked, []);
    });
  });

  it("has sockets that only their owner and group may use", async () => {
    for (const path of [proxy.httpSocket, proxy.socksSocket]) {
      const { mode } = await stat(path);
      assert.equal(mode & 0o777, 0o660);
    }
  });
});

async function firstAnswer(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, 2_000);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (/^HTTP\/1\.1 200/.test(text)) resolve();
    });
    socket.once("close", () => resolve());
    socket.once("error", reject);
    socket.once("close", () => clearTimeout(timer));
  });
  return text;
}

/** Reads exactly so many bytes. */
async function bytes(socket: Socket, count: number): Promise<number[]> {
  for (;;) {
    const chunk = socket.read(count) as Buffer | null;
    if (chunk !== null) return [...chunk];
    const [event] = await Promise.race([
      once(socket, "readable").then(() => ["readable"]),
      once(socket, "close").then(() => ["close"]),
    ]);
    if (event === "close") throw new Error("the connection was closed");
  }
}
