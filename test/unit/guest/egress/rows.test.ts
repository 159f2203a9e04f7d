import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcp, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { auditRow, type EgressDecision } from "../../../../guest/egress/decision.ts";
import { EgressProxy } from "../../../../guest/egress/proxy.ts";
import { resolveFrom, testPolicy } from "../../../support/sandbox.ts";

/** A refused, malformed or failed request leaves a row too, and an answer that says why. */
describe("the audit rows of a session's proxies", () => {
  let folder: string;
  let proxy: EgressProxy;
  let server: Server;
  let port: number;
  let closed: number;
  const decisions: EgressDecision[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-rows-"));
    server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    // A port that nobody listens on: it was free a moment ago.
    const gone = createTcp().listen(0, "127.0.0.1");
    await once(gone, "listening");
    closed = (gone.address() as AddressInfo).port;
    await new Promise((resolve) => gone.close(resolve));
    proxy = new EgressProxy({
      session: "calm-testing-turing",
      folder,
      policy: testPolicy(
        ["here.example", "gone.example", "private.example"],
        [`127.0.0.1:${port}`, `127.0.0.1:${closed}`],
      ),
      resolver: resolveFrom({ "here.example": "127.0.0.1" }),
      internal: { host: "model.cloister.internal", port: 80, socketPath: join(folder, "relay.sock"), writesRows: true },
    });
    proxy.on("decision", (decision) => decisions.push(decision));
    await proxy.start();
  });
  beforeEach(() => {
    decisions.length = 0;
  });
  after(async () => {
    await proxy.stop();
    server.close();
    await rm(folder, { recursive: true });
  });

  const authorization = () => `Proxy-Authorization: Basic ${Buffer.from(`srt:${proxy.token}`).toString("base64")}`;
  const rows = () => decisions.map(({ via, verdict, host, reason }) => `${via} ${verdict} ${host}: ${reason}`);

  /** Sends bytes, one part after each answer, ends, and gives all that was answered. */
  const talk = async (path: string, ...parts: readonly (string | readonly number[])[]) =>
    await new Promise<Buffer>((resolve, reject) => {
      const rest = parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part)));
      const got: Buffer[] = [];
      const socket = connect(path);
      // Who waits for more than these bytes is told that there is no more.
      const next = () => {
        const part = rest.shift();
        if (part !== undefined) socket.write(part);
        if (rest.length === 0) setTimeout(() => socket.end(), 300);
      };
      socket.once("connect", next);
      socket.on("data", (chunk) => {
        got.push(chunk);
        if (rest.length > 0) next();
      });
      socket.once("error", reject);
      socket.once("close", () => resolve(Buffer.concat(got)));
    });
  const http = async (head: readonly string[], body = "") =>
    String(await talk(proxy.httpSocket, `${head.join("\r\n")}\r\n\r\n${body}`));
  const withToken = async (line: string, ...headers: readonly string[]) =>
    await http([line, authorization(), "Connection: close", ...headers]);

  const password = (token: string) => [1, 3, ...Buffer.from("srt"), token.length, ...Buffer.from(token)];
  const named = (name: Buffer | string, to = 443, command = 1) => {
    const bytes = Buffer.from(name as string, "latin1");
    return [5, command, 0, 3, bytes.length, ...bytes, to >> 8, to & 255];
  };
  const socks = async (...request: readonly number[]) => [
    ...(await talk(proxy.socksSocket, [5, 1, 2], password(proxy.token), request)),
  ];

  describe("of SOCKS", () => {
    it("one for what is well-formed: the control", async () => {
      assert.equal((await socks(...named("here.example", port)))[5], 0);
      assert.equal((await socks(...named("denied.test")))[5], 2);
      assert.deepEqual(rows(), [
        "socks allowed here.example: allowed by here.example",
        "socks denied denied.test: not on the allow list",
      ]);
    });

    for (const [what, name, host] of [
      ["NUL", "here.example\0.evil", "here.example?.evil"],
      ["CR LF", "here.example\r\nx: y", "here.example??x: y"],
      ["bytes beyond ASCII", "h\xffre.example", "h?re.example"],
      ["an escape of a terminal", "\x1b[2Jhere.example", "?[2Jhere.example"],
      ["no name at all", "", "?"],
      ["spaces", "here.example x", "here.example x"],
      ["a zone", "fe80::1%eth0", "fe80::1%eth0"],
      ["255 letters more", "a/".repeat(127), "a/".repeat(127)],
    ] as const) {
      it(`one for a name with ${what}`, async () => {
        assert.equal((await socks(...named(name, 80)))[5], 2);
        assert.deepEqual(rows(), [`socks denied ${host}: not a host name`]);
        assert.equal(decisions[0]?.port, 80);
      });
    }

    it("one for a name with NUL from a client without a password", async () => {
      const answered = await talk(proxy.socksSocket, [5, 1, 0], named("here.example\0"));
      assert.equal(answered[3], 2);
      assert.deepEqual(rows(), ["socks denied here.example?: not a host name"]);
    });

    it("one for a wrong password, and never the password", async () => {
      const answered = await talk(proxy.socksSocket, [5, 1, 2], password("hunter2"));
      assert.deepEqual([...answered], [5, 2, 1, 1]);
      assert.deepEqual(rows(), ["socks denied ?: wrong or missing proxy token"]);
      assert.doesNotMatch(JSON.stringify(decisions), /hunter2/);
    });

    for (const [what, parts, reason] of [
      ["version 4", [[4, 1, 0, 80, 1, 2, 3, 4, 0]], "it is not of version 5"],
      ["HTTP", ["GET / HTTP/1.1\r\n\r\n"], "it is not of version 5"],
      ["no more than a greeting", [[5, 1, 2]], "it ended before its request was whole"],
      ["half a greeting", [[5]], "it ended before its request was whole"],
      [
        "another command",
        [[5, 1, 2], "password", named("here.example", 80, 2)],
        "it asks for another command than CONNECT",
      ],
      [
        "a command that there is not",
        [[5, 1, 2], "password", named("here.example", 80, 9)],
        "it asks for another command than CONNECT",
      ],
      [
        "an unknown type of address",
        [[5, 1, 2], "password", [5, 1, 0, 9, 1, 2, 3]],
        "it has an unknown type of address",
      ],
      ["half a request", [[5, 1, 2], "password", [5, 1, 0, 3, 200, 65]], "it ended before its request was whole"],
      ["no method that is taken", [[5, 1, 1]], "it ended before its request was whole"],
    ] as const) {
      it(`one for ${what}`, async () => {
        await talk(proxy.socksSocket, ...parts.map((part) => (part === "password" ? password(proxy.token) : part)));
        assert.equal(decisions.length, 1, rows().join());
        assert.match(rows()[0] ?? "", new RegExp(`^socks denied (\\?|here\\.example): malformed SOCKS: ${reason}$`));
      });
    }

    it("none for a connection that says nothing", async () => {
      await talk(proxy.socksSocket, []);
      assert.deepEqual(rows(), []);
    });

    it("two for a host that is allowed and cannot be reached: the second says why", async () => {
      assert.equal((await socks(...named("gone.example")))[5], 4);
      assert.equal((await socks(...named("here.example", closed)))[5], 4);
      assert.equal((await socks(5, 1, 0, 1, 127, 0, 0, 1, closed >> 8, closed & 255))[5], 4);
      assert.deepEqual(rows(), [
        "socks allowed gone.example: allowed by gone.example",
        "socks failed gone.example: its name does not exist (ENOTFOUND)",
        "socks allowed here.example: allowed by here.example",
        "socks failed here.example: nothing answers on this port (ECONNREFUSED)",
        `socks allowed 127.0.0.1: allowed by 127.0.0.1:${closed}`,
        "socks failed 127.0.0.1: nothing answers on this port (ECONNREFUSED)",
      ]);
    });

    it("as many as there are handshakes, when all of one is sent in one go", async () => {
      const all = [5, 1, 2, ...password(proxy.token), ...named("denied.test")];
      await Promise.all([1, 2, 3].map(async () => await talk(proxy.socksSocket, all)));
      assert.deepEqual(new Set(rows()), new Set(["socks denied denied.test: not on the allow list"]));
      assert.equal(decisions.length, 3);
    });

    it("at least one, printable, for whatever bytes a client sends", async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.boolean(), async (bytes, greeted) => {
          decisions.length = 0;
          if (greeted) await talk(proxy.socksSocket, [5, 1, 2], password(proxy.token), [...bytes]);
          else await talk(proxy.socksSocket, [...bytes]);
          assert.ok(decisions.length >= 1, "no row");
          for (const row of decisions) {
            assert.match(JSON.stringify(row), /^[\x20-\x7e]+$/);
            assert.notEqual(row.verdict, "allowed");
          }
        }),
        { numRuns: 20 },
      );
    }).timeout(30_000);
  });

  describe("of HTTP", () => {
    it("one for what is well-formed: the control", async () => {
      assert.match(
        await withToken(`GET http://here.example:${port}/x HTTP/1.1`, `Host: here.example:${port}`),
        /^HTTP\/1.1 200/,
      );
      assert.match(await withToken(`GET http://here.example:${port}/x HTTP/1.0`), /^HTTP\/1.1 200/);
      assert.match(
        await withToken(
          `POST http://here.example:${port}/ HTTP/1.1`,
          "Host: x",
          "Expect: 100-continue",
          "Content-Length: 0",
        ),
        /200 OK/,
      );
      assert.equal(rows().filter((row) => row === "http allowed here.example: allowed by here.example").length, 3);
      assert.equal(decisions.length, 3);
    });

    for (const [what, line, headers, status, reason] of [
      ["a path instead of a URL", "GET /secret HTTP/1.1", ["Host: here.example"], 400, /whole URLs/],
      ["no URL", "GET http:// HTTP/1.1", ["Host: here.example"], 400, /whole URLs/],
      ["a port that there is not", "GET http://here.example:99999/ HTTP/1.1", ["Host: x"], 400, /whole URLs/],
      ["another scheme", "GET ftp://here.example/ HTTP/1.1", ["Host: here.example"], 400, /http and https/],
      ["no Host", "GET http://here.example/ HTTP/1.1", [], 400, /one Host header/],
      ["two Hosts", "GET http://here.example/ HTTP/1.1", ["Host: a", "Host: b"], 400, /one Host header/],
      ["an expectation", "GET http://here.example/ HTTP/1.1", ["Host: a", "Expect: secret"], 417, /100-continue/],
    ] as const) {
      it(`one for a request with ${what}, and the reason in the answer`, async () => {
        const answered = await withToken(line, ...headers);
        assert.match(answered, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(answered, reason);
        assert.equal(decisions.length, 1, rows().join());
        assert.equal(decisions[0]?.verdict, "denied");
        assert.match(decisions[0]?.reason ?? "", reason);
        assert.doesNotMatch(JSON.stringify({ ...decisions[0], path: "" }), /secret/);
      });
    }

    for (const [what, bytes] of [
      ["no HTTP", "GARBAGE\r\n\r\n"],
      ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
      ["a header without a colon", "GET http://here.example/ HTTP/1.1\r\nsecret\r\n\r\n"],
      ["two lengths", "POST http://here.example/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
      [
        "length and chunks",
        "POST http://a.example/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      ],
      ["headers without end", `GET http://here.example/ HTTP/1.1\r\nx: ${"secret".repeat(5_000)}\r\n\r\n`],
      ["half a request", "GET http://here.example/ HTTP/1.1\r\nx: secret\r\n"],
      ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ] as const) {
      it(`one for ${what}`, async () => {
        await talk(proxy.httpSocket, bytes);
        assert.equal(decisions.length, 1, rows().join());
        assert.match(rows()[0] ?? "", /^http denied \?: malformed HTTP \([A-Z0-9_]+\)$/);
        assert.doesNotMatch(JSON.stringify(decisions), /secret/);
      });
    }

    for (const target of [
      "here.example",
      "here.example:0",
      "here.example:99999",
      "[::1",
      "http://here.example/",
      "*",
    ]) {
      it(`one for CONNECT ${target}, and the reason in the answer`, async () => {
        const answered = await withToken(`CONNECT ${target} HTTP/1.1`, "Host: x");
        assert.match(answered, /^HTTP\/1.1 400 /);
        assert.match(answered, /CONNECT is not HOST:PORT/);
        assert.equal(decisions.length, 1, rows().join());
        assert.match(rows()[0] ?? "", /^connect denied .*: the target of CONNECT is not HOST:PORT$/);
      });
    }

    it("one for a request without a token that is malformed otherwise", async () => {
      for (const head of [
        ["GET /x HTTP/1.1", "Host: a"],
        ["GET http://a.example/ HTTP/1.1"],
        ["GET http://a.example/ HTTP/1.1", "Host: a", "Expect: x"],
        ["CONNECT nowhere HTTP/1.1", "Host: a"],
      ]) {
        decisions.length = 0;
        assert.match(await http([...head, "Connection: close"]), /^HTTP\/1.1 4(07|17) /);
        assert.equal(decisions.length, 1, head[0]);
        assert.equal(decisions[0]?.reason, "wrong or missing proxy token");
      }
    });

    it("two for a host that is allowed and cannot be reached: answer and second row say why", async () => {
      const tunnel = async (target: string) => await withToken(`CONNECT ${target} HTTP/1.1`, "Host: x");
      const plain = async (target: string) => await withToken(`GET http://${target}/ HTTP/1.1`, "Host: x");
      for (const [ask, via] of [
        [plain, "http"],
        [tunnel, "connect"],
      ] as const) {
        for (const [target, host, why] of [
          ["gone.example:80", "gone.example", "its name does not exist (ENOTFOUND)"],
          [`here.example:${closed}`, "here.example", "nothing answers on this port (ECONNREFUSED)"],
          [`127.0.0.1:${closed}`, "127.0.0.1", "nothing answers on this port (ECONNREFUSED)"],
        ] as const) {
          decisions.length = 0;
          const answered = await ask(target);
          assert.match(answered, /^HTTP\/1.1 502 Bad Gateway\r\n/);
          assert.ok(answered.includes(`${target} cannot be reached: ${why}`), answered);
          assert.deepEqual(
            decisions.map(({ verdict }) => verdict),
            ["allowed", "failed"],
          );
          assert.equal(rows()[1], `${via} failed ${host}: ${why}`);
        }
      }
    });

    it("never the address of a host that cannot be reached", async () => {
      const answered = await withToken(`GET http://here.example:${closed}/ HTTP/1.1`, "Host: x");
      assert.doesNotMatch(answered + JSON.stringify(decisions), /127\.0\.0\.1/);
    });

    it("each its own, of requests that a client sends in one go", async () => {
      const ask = (host: string, path: string) =>
        `GET http://${host}/${path} HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n\r\n`;
      await talk(
        proxy.httpSocket,
        ask("gone.example", "1") +
          ask(`here.example:${closed}`, "2") +
          ask("private.example", "3") +
          ask("a.test", "4"),
      );
      const told = decisions
        .filter(({ verdict }) => verdict !== "allowed")
        .map(({ path, reason }) => `${path} ${reason}`);
      assert.deepEqual(told.sort(), [
        "/1 its name does not exist (ENOTFOUND)",
        "/2 nothing answers on this port (ECONNREFUSED)",
        "/3 its name does not exist (ENOTFOUND)",
        "/4 not on the allow list",
      ]);
    });

    it("leaves the row of a request to the relay, which decides, and tells when it is not there", async () => {
      assert.match(await withToken("GET http://model.cloister.internal/ HTTP/1.1", "Host: x"), /^HTTP\/1.1 502 /);
      assert.equal(decisions.length, 1);
      assert.match(rows()[0] ?? "", /^http failed model\.cloister\.internal: .*\(ENOENT\)$/);
      decisions.length = 0;
      const relay = createServer((_, response) => response.end("from the relay")).listen(join(folder, "relay.sock"));
      await once(relay, "listening");
      assert.match(await withToken("GET http://model.cloister.internal/ HTTP/1.1", "Host: x"), /from the relay/);
      assert.deepEqual(rows(), []);
      relay.close();
    });

    /** Asks an upstream that answers with these bytes. */
    const askUpstream = async (answer: string) => {
      const upstream = createTcp((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end(answer));
      }).listen(0, "127.0.0.1");
      await once(upstream, "listening");
      const { port: to } = upstream.address() as AddressInfo;
      const other = new EgressProxy({
        session: "calm-testing-turing",
        folder: await mkdtemp(join(folder, "other-")),
        policy: testPolicy(["here.example"], [`127.0.0.1:${to}`]),
        resolver: resolveFrom({ "here.example": "127.0.0.1" }),
      });
      const told: string[] = [];
      other.on("decision", ({ verdict }) => told.push(verdict));
      await other.start();
      const token = `Proxy-Authorization: Basic ${Buffer.from(`srt:${other.token}`).toString("base64")}`;
      const head = [`GET http://here.example:${to}/ HTTP/1.1`, "Host: x", token, "Connection: close"];
      const answered = String(await talk(other.httpSocket, `${head.join("\r\n")}\r\n\r\n`));
      await other.stop();
      upstream.close();
      return { answered, told };
    };

    it("says nothing of an upstream's own 502", async () => {
      const { answered, told } = await askUpstream("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 11\r\n\r\nBad Gateway");
      assert.match(answered, /^HTTP\/1.1 502 [\s\S]*Bad Gateway$/);
      assert.deepEqual(told, ["allowed"]);
    });

    it("outlives an upstream's status that is none", async () => {
      const { answered, told } = await askUpstream("HTTP/1.1 099 x\r\nContent-Length: 1\r\n\r\nx");
      assert.match(answered, /^HTTP\/1.1 502 /);
      assert.deepEqual(told, ["allowed", "failed"]);
    });
  });

  it("have printable texts of bounded length only, whatever a session asks", () => {
    const text = fc.string({ unit: "binary", maxLength: 3_000 });
    fc.assert(
      fc.property(text, text, text, text, (host, reason, method, path) => {
        const row = auditRow({ session: "s", host, port: 1, via: "http", verdict: "denied", reason, method, path });
        assert.match(JSON.stringify(row), /^[\x20-\x7e]+$/);
        assert.ok(JSON.stringify(row).length < 2 * 2048);
      }),
      { numRuns: 30 },
    );
  });
});
