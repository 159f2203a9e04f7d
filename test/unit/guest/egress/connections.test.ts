import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EgressDecision } from "../../../../guest/egress/decision.ts";
import { EgressProxy, type EgressProxyOptions } from "../../../../guest/egress/proxy.ts";
import { testPolicy } from "../../../support/sandbox.ts";

/** Connections that are long, slow or half open, through the real proxies with short times. */
describe("a session's connections", () => {
  let folder: string;
  let proxy: EgressProxy;
  let port: number;
  let server: Server | HttpServer | undefined;
  const decisions: EgressDecision[] = [];
  const opened: Socket[] = [];

  beforeEach(() => {
    decisions.length = 0;
  });

  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.destroy();
    server?.close();
    await proxy?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a server on loopback, and a proxy that lets a session reach it as `allowed.example`. */
  async function begin(
    made: Server | HttpServer,
    options: { times?: EgressProxyOptions["times"]; addresses?: readonly string[]; at?: number; most?: number } = {},
  ): Promise<void> {
    const { times, addresses = ["127.0.0.1"], most } = options;
    server = made;
    await once(made.listen(options.at ?? 0, "127.0.0.1"), "listening");
    port = (made.address() as AddressInfo).port;
    folder = await mkdtemp(join(tmpdir(), "cloister-connections-"));
    proxy = new EgressProxy({
      session: "calm-testing-turing",
      folder,
      policy: testPolicy([`allowed.example:${port}`, "model.cloister.internal"], ["127.0.0.1", "127.0.0.2"]),
      internal: { host: "model.cloister.internal", port: 80, socketPath: join(folder, "relay.sock") },
      resolver: (_name, _options, callback) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 as const })),
        ),
      ...(times === undefined ? {} : { times }),
      ...(most === undefined ? {} : { mostConnections: most }),
    });
    proxy.on("decision", (decision) => decisions.push(decision));
    await proxy.start();
  }

  const authorization = () => `Basic ${Buffer.from(`srt:${proxy.token}`).toString("base64")}`;
  const rows = () => decisions.map(({ via, verdict, reason }) => [via, verdict, reason]);

  const open = (path: string): Socket => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.on("error", () => {});
    opened.push(socket);
    return socket;
  };

  /** Sends the head of a request, and returns the connection and the head of the answer. */
  async function ask(lines: readonly string[], token = authorization()): Promise<{ socket: Socket; head: string }> {
    const socket = open(proxy.httpSocket);
    socket.write(`${[...lines, `Proxy-Authorization: ${token}`].join("\r\n")}\r\n\r\n`);
    return { socket, head: (await until(socket, "\r\n\r\n")).toString() };
  }

  async function tunnel(): Promise<Socket> {
    const { socket, head } = await ask([`CONNECT allowed.example:${port} HTTP/1.1`, `Host: allowed.example:${port}`]);
    assert.match(head, /^HTTP\/1\.1 200 /);
    return socket;
  }

  async function socks(): Promise<{ socket: Socket; reply: number | undefined }> {
    const socket = open(proxy.socksSocket);
    const [user, password, name] = ["srt", proxy.token, "allowed.example"].map((text) => Buffer.from(text));
    assert.ok(user && password && name);
    socket.write(Buffer.from([5, 1, 2]));
    await exactly(socket, 2);
    socket.write(Buffer.from([1, user.length, ...user, password.length, ...password]));
    await exactly(socket, 2);
    socket.write(Buffer.from([5, 1, 0, 3, name.length, ...name, port >> 8, port & 255]));
    return { socket, reply: (await exactly(socket, 10))[1] };
  }

  const bothTunnels = [
    ["a tunnel of the HTTP proxy", tunnel],
    ["a SOCKS tunnel", async () => (await socks()).socket],
  ] as const;

  const get = (path = "/", more: Record<string, string> = {}, method = "GET") =>
    request({
      socketPath: proxy.httpSocket,
      method,
      path: `http://allowed.example:${port}${path}`,
      headers: { host: `allowed.example:${port}`, "proxy-authorization": authorization(), ...more },
    });

  describe("outside", () => {
    for (const [name, make] of bothTunnels) {
      it(`are kept alive, for ${name}`, async () => {
        await begin(createServer(), { times: { keepAliveMs: 7_000 } });
        await make();
        assert.deepEqual(await keepAlive(port), { active: true, withinMs: 7_000 });
      });
    }

    it("are kept alive, for a plain request that is not answered yet", async () => {
      await begin(createServer(), { times: { keepAliveMs: 7_000 } });
      get()
        .on("error", () => {})
        .end();
      await sleep(100);
      assert.deepEqual(await keepAlive(port), { active: true, withinMs: 7_000 });
    });
  });

  describe("to addresses that never answer", () => {
    let silent: ChildProcess;
    let deaf: number;

    before(async () => {
      // A queue that is full: Linux leaves further connections without an answer.
      const code = `import socket, sys
s = socket.socket(); s.bind(("127.0.0.2", 0)); s.listen(0); held = []
for _ in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); held.append(c)
print(s.getsockname()[1], flush=True); sys.stdin.read()`;
      silent = spawn("python3", ["-c", code], { stdio: ["pipe", "pipe", "inherit"] });
      assert.ok(silent.stdout);
      const [line] = (await once(silent.stdout, "data")) as [Buffer];
      deaf = Number(line.toString());
    });

    after(() => silent.kill());

    const answering = () => createHttpServer((_, response) => response.end("hello"));

    it("end after the time for connecting, with a reason", async () => {
      await begin(answering(), { times: { connectMs: 300 }, addresses: ["127.0.0.2"], at: deaf });
      const from = performance.now();
      const head = await ask([`CONNECT allowed.example:${port} HTTP/1.1`, "Host: allowed.example"]);
      assert.match(head.head, /^HTTP\/1\.1 502 /);
      assert.match((await rest(head.socket)).toString(), /does not answer in time \(ETIMEDOUT\)/);
      const plain = get();
      plain.end();
      const [answer] = (await once(plain, "response")) as [IncomingMessage];
      assert.equal(answer.statusCode, 502);
      answer.resume();
      assert.equal((await socks()).reply, 4);
      assert.ok(performance.now() - from < 3_000);
      const why = "it does not answer in time (ETIMEDOUT)";
      assert.deepEqual(
        rows().filter(([, verdict]) => verdict === "failed"),
        ["connect", "http", "socks"].map((via) => [via, "failed", why]),
      );
    });

    it("are made to the next address", async () => {
      const addresses = ["127.0.0.2", "127.0.0.1"];
      await begin(answering(), { times: { addressMs: 200 }, addresses, at: deaf });
      const socket = await tunnel();
      socket.end("GET / HTTP/1.0\r\n\r\n");
      const plain = get();
      plain.end();
      const [answer] = (await once(plain, "response")) as [IncomingMessage];
      assert.equal(answer.statusCode, 200);
      answer.resume();
      assert.equal((await socks()).reply, 0);
      assert.ok(rows().every(([, verdict]) => verdict === "allowed"));
    });
  });

  describe("for an upload by plain HTTP", () => {
    async function upload(times: EgressProxyOptions["times"]): Promise<string> {
      const echo = createHttpServer((incoming, response) => {
        let size = 0;
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length;
        });
        incoming.on("end", () => response.end(String(size)));
      });
      await begin(echo, { times });
      const outgoing = get("/", { "content-length": "10" }, "PUT");
      const ended = Promise.race([once(outgoing, "response"), once(outgoing, "error")]);
      for (let sent = 0; sent < 10; sent++) {
        outgoing.write("x");
        await sleep(100);
      }
      outgoing.end();
      const [answer] = (await ended) as [IncomingMessage | Error];
      if (answer instanceof Error) return answer.message;
      return `${answer.statusCode} ${await text(answer)}`;
    }

    it("last as long as it takes", async () => {
      assert.equal(await upload({ checkMs: 50 }), "200 10");
    });

    it("would end at a limit (control)", async () => {
      assert.match(await upload({ requestMs: 300, checkMs: 50 }), /^4\d\d |hang up|reset|EPIPE/i);
    });
  });

  it("show a stream of events as it is sent, its headers first", async () => {
    let sending: (text: string) => void = () => {};
    await begin(
      createHttpServer((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
        sending = (event) => response.write(event);
      }),
    );
    const outgoing = get();
    outgoing.end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    assert.equal(answer.headers["content-type"], "text/event-stream");
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      sending(event);
      assert.equal(String((await once(answer, "data"))[0]), event);
    }
    answer.destroy();
  });

  for (const [name, make] of bothTunnels) {
    describe(`in ${name}`, () => {
      it("still bring the answer when the client has said that it sends no more", async () => {
        const late = createServer({ allowHalfOpen: true }, async (host) => {
          host.on("error", () => {});
          const question = await rest(host);
          await sleep(200);
          host.end(`answer to ${question}`);
        });
        await begin(late);
        const socket = await make();
        socket.end("question");
        assert.equal((await rest(socket)).toString(), "answer to question");
      });

      it("still take what the client sends when the host has said that it sends no more", async () => {
        const received = deferred<string>();
        const first = createServer({ allowHalfOpen: true }, async (host) => {
          host.on("error", () => {});
          host.end("all I had");
          received.resolve((await rest(host)).toString());
        });
        await begin(first);
        const socket = await make();
        assert.equal((await rest(socket)).toString(), "all I had");
        await sleep(100);
        socket.end("and this");
        assert.equal(await received.promise, "and this");
      });

      it("bring all of it to a client that reads slowly, after the host has gone", async () => {
        const size = 4 * 1024 * 1024;
        const fast = createServer({ allowHalfOpen: true }, (host) => {
          host.on("error", () => {});
          host.once("end", () => host.end(Buffer.alloc(size, "x"))).resume();
        });
        await begin(fast);
        const socket = await make();
        // The client has nothing more to say either: nothing but the rest of the answer keeps the connection open.
        socket.end("question");
        // The last of it is read when the host has long been gone.
        let got = 0;
        socket.on("data", (chunk: Buffer) => {
          got += chunk.length;
          socket.pause();
          setTimeout(() => socket.resume(), got > size - 512 * 1024 ? 50 : 0);
        });
        socket.resume();
        await once(socket, "end");
        assert.equal(got, size);
      });
    });
  }

  describe("to a host that neither reads nor ends", () => {
    /** Such hosts, by what they say first. */
    const mute = (answer = "") => {
      const hosts: Socket[] = [];
      const made = createServer((host) => {
        opened.push(host);
        hosts.push(host);
        host.on("error", () => {});
        if (answer !== "") host.once("data", () => host.pause().write(answer));
        else host.pause();
      });
      return { made, hosts };
    };
    const socket = async (answer: string) => {
      const lines = [`GET http://allowed.example:${port}/ HTTP/1.1`, `Host: allowed.example:${port}`];
      const asking = await ask([...lines, "Connection: Upgrade", "Upgrade: websocket"]);
      assert.match(asking.head, new RegExp(`^HTTP/1.1 ${answer} `));
      return asking.socket;
    };
    /** Sends until nobody takes any more, or for a while, and goes. */
    const fillAndGo = async (client: Socket) => {
      const end = Date.now() + 2_000;
      for (let full = 0; full < 3 && Date.now() < end; ) {
        if (client.write(Buffer.alloc(65_536))) full = 0;
        else await Promise.race([once(client, "drain"), sleep(100).then(() => full++)]);
      }
      client.destroy();
      await sleep(50);
    };
    /** Ends the proxy, and waits until the hosts have been left. */
    const stopped = async (hosts: readonly Socket[]) => {
      await Promise.race([proxy.stop(), sleep(20_000).then(() => assert.fail("the proxy does not end"))]);
      for (const host of hosts) host.resume();
      for (
        const end = Date.now() + 20_000;
        hosts.some((host) => !host.readableEnded && !host.destroyed);
        await sleep(20)
      )
        assert.ok(Date.now() < end, "a connection to a host is still there");
      assert.ok(hosts.length > 0);
    };

    for (const [name, answer, make] of [
      ["a tunnel of the HTTP proxy", "", tunnel],
      ["a SOCKS tunnel", "", async () => (await socks()).socket],
      [
        "a WebSocket",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        () => socket("101"),
      ],
      [
        "an endless answer to a WebSocket",
        "HTTP/1.1 200 OK\r\nContent-Length: 9007199254740991\r\n\r\n",
        () => socket("200"),
      ],
    ] as const) {
      it(`end with the session, for ${name}`, async () => {
        const { made, hosts } = mute(answer);
        await begin(made);
        await fillAndGo(await make());
        await stopped(hosts);
      });
    }

    /** Sends requests in one go. */
    const row = (count: number) => {
      const client = open(proxy.httpSocket);
      const lines = [`GET http://allowed.example:${port}/ HTTP/1.1`, `Host: allowed.example:${port}`];
      client.write([...lines, `Proxy-Authorization: ${authorization()}`, "", ""].join("\r\n").repeat(count));
      return client;
    };

    it("end with the client, for all of a row of requests", async () => {
      const { made, hosts } = mute("HTTP/1.1 100 Continue\r\n\r\n");
      await begin(made);
      const client = row(20);
      const [others, ended] = [() => hosts.filter((host) => !host.destroyed), () => others().length === 0];
      for (const end = Date.now() + 20_000; others().length < 20; await sleep(20))
        assert.ok(Date.now() < end, "control");
      for (const host of hosts) host.resume();
      client.destroy();
      for (const end = Date.now() + 20_000; !ended(); await sleep(20))
        assert.ok(Date.now() < end, `${others().length} left`);
    });

    it("are other ones than those of the machine, which writes its rows meanwhile", async () => {
      const { made } = mute();
      await begin(made);
      const journal: Socket[] = [];
      const log = createServer((taken) => void taken.resume()).listen(join(folder, "log"));
      proxy.on("decision", () => journal.push(connect(join(folder, "log"))));
      const plain = row(1);
      for (const client of [await tunnel(), (await socks()).socket, plain]) {
        await sleep(50);
        client.destroy();
      }
      await sleep(200);
      assert.ok(journal.length >= 3);
      const ended = journal.filter((one) => one.destroyed).length;
      for (const one of journal) one.destroy();
      log.close();
      assert.equal(ended, 0);
    });

    it("are no more than so many at a time, by whatever way, and as many again afterwards", async () => {
      const { made } = mute();
      await begin(made, { most: 3 });
      const first = [await tunnel(), (await socks()).socket, await tunnel()];
      const lines = [`http://allowed.example:${port}/ HTTP/1.1`, `Host: allowed.example:${port}`];
      const [a = "", b = ""] = lines;
      for (const head of [
        [`GET ${a}`, b],
        [`GET ${a}`, b, "Connection: Upgrade", "Upgrade: websocket"],
        [`CONNECT allowed.example:${port} HTTP/1.1`, b],
      ]) {
        const answer = await ask(head);
        assert.match(answer.head, /^HTTP\/1\.1 503 /);
        assert.match((await rest(answer.socket)).toString(), /too many connections at once\n/);
      }
      assert.equal((await socks()).reply, 2);
      assert.deepEqual(rows().slice(3), [
        ["http", "denied", "too many connections at once"],
        ["http", "denied", "too many connections at once"],
        ["connect", "denied", "too many connections at once"],
        ["socks", "denied", "too many connections at once"],
      ]);
      for (const client of first) client.destroy();
      await sleep(100);
      await tunnel();
      assert.equal((await socks()).reply, 0);
    });
  });

  describe("for a WebSocket that is asked for without a tunnel", () => {
    const wish = (url: string, host = new URL(url).host) => [
      `GET ${url} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: keep-alive, Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    const asked: IncomingMessage[] = [];

    const echo = () => {
      asked.length = 0;
      return createHttpServer((incoming, response) => {
        asked.push(incoming);
        incoming.pipe(response.writeHead(200));
      }).on("upgrade", (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
        asked.push(incoming);
        if (incoming.url === "/no")
          return void socket.end("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 3\r\n\r\nno\n");
        if (incoming.url === "/nonsense") return void socket.end("nonsense\r\n\r\n");
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Mark: 1\r\n\r\n",
        );
        socket.write(head);
        socket.pipe(socket);
      });
    };

    it("join both sides when the host agrees", async () => {
      await begin(echo());
      for (const scheme of ["http", "ws"]) {
        const { socket, head } = await ask(wish(`${scheme}://allowed.example:${port}/socket?x=1`, "other.example"));
        assert.match(head, /^HTTP\/1\.1 101 .*X-Mark: 1\r\n/s);
        socket.write("frame");
        assert.equal((await exactly(socket, 5)).toString(), "frame");
      }
      const [first] = asked;
      assert.equal(first?.url, "/socket?x=1");
      assert.equal(first?.headers.host, `allowed.example:${port}`, "the host that was judged");
      assert.equal(first?.headers["proxy-authorization"], undefined);
      assert.deepEqual(
        decisions.map(({ via, verdict, method, path }) => [via, verdict, method, path]),
        [0, 1].map(() => ["http", "allowed", "GET", "/socket"]),
      );
    });

    it("pass the host's refusal on", async () => {
      await begin(echo());
      const { socket, head } = await ask(wish(`http://allowed.example:${port}/no`));
      assert.match(head, /^HTTP\/1\.1 426 /);
      assert.equal((await rest(socket)).toString(), "no\n");
      const failed = await ask(wish(`http://allowed.example:${port}/nonsense`));
      assert.match(failed.head, /^HTTP\/1\.1 502 /);
      assert.deepEqual(
        rows().map(([, verdict]) => verdict),
        ["allowed", "allowed", "failed"],
      );
    });

    it("are judged as every request is", async () => {
      await begin(echo(), { addresses: ["10.1.2.3"] });
      const statusOf = async (url: string, token?: string) => (await ask(wish(url), token)).head.split(" ")[1];
      assert.equal(await statusOf("http://denied.example/"), "403");
      assert.equal(await statusOf(`http://allowed.example:${port}/`), "403", "a private address");
      assert.equal(await statusOf("http://model.cloister.internal/"), "403");
      assert.equal(await statusOf("http://169.254.169.254/"), "403");
      assert.equal(await statusOf(`http://allowed.example:${port}/`, "Basic c3J0Ong="), "407");
      assert.equal(asked.length, 0);
      assert.deepEqual(
        rows().map(([via, verdict]) => [via, verdict]),
        [
          ["http", "denied"],
          ["http", "allowed"],
          ["http", "denied"],
          ["http", "denied"],
          ["http", "denied"],
          ["http", "denied"],
        ],
      );
    });

    it("end with no word when the client goes before there is an answer", async () => {
      const reached = deferred<void>();
      await begin(
        createServer((host) => {
          host.on("error", () => {}).resume();
          reached.resolve();
        }),
      );
      const socket = open(proxy.httpSocket);
      const lines = [...wish(`http://allowed.example:${port}/`), `Proxy-Authorization: ${authorization()}`];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      await reached.promise;
      await sleep(50);
      socket.destroy();
      await sleep(100);
      assert.deepEqual(rows(), [["http", "allowed", `allowed by allowed.example:${port}`]]);
    });

    it("are survived in a row of requests that nobody has waited for", async () => {
      await begin(echo());
      const plain = [`GET http://allowed.example:${port}/ HTTP/1.1`, `Host: allowed.example:${port}`];
      const other = [...plain, "Connection: Upgrade", "Upgrade: h2c"];
      for (const asking of [wish(`http://allowed.example:${port}/`), other]) {
        const socket = open(proxy.httpSocket);
        const all = [plain, plain, asking, plain].map((lines) =>
          [...lines, `Proxy-Authorization: ${authorization()}`, "", ""].join("\r\n"),
        );
        socket.write(all.join(""));
        await sleep(200);
      }
      assert.match((await ask(wish(`http://allowed.example:${port}/`))).head, /^HTTP\/1\.1 101 /);
      assert.ok(rows().every(([, verdict]) => verdict === "allowed"));
    });

    it("are no matter of requests that name other protocols", async () => {
      await begin(echo());
      const socket = open(proxy.httpSocket);
      const lines = [
        `POST http://allowed.example:${port}/h2 HTTP/1.1`,
        `Host: allowed.example:${port}`,
        `Proxy-Authorization: ${authorization()}`,
        "Connection: Upgrade, HTTP2-Settings, close",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "Content-Length: 4",
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\nbody`);
      assert.match((await rest(socket)).toString(), /^HTTP\/1\.1 200 .*body/s);
      assert.deepEqual([asked[0]?.headers.upgrade, asked[0]?.headers["http2-settings"]], [undefined, undefined]);
      assert.deepEqual(rows(), [["http", "allowed", `allowed by allowed.example:${port}`]]);
    });
  });
});

/** The keepalive timer of the connection to a port of loopback, as Linux tells it (proc_net_tcp.txt). */
async function keepAlive(port: number): Promise<{ active: boolean; withinMs: number }> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/self/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const [, , , , , timer = ""] =
    lines.find(([, , remote, state]) => remote === `0100007F:${hex}` && state === "01") ?? [];
  const [kind, when = ""] = timer.split(":");
  // A hundredth of a second is the unit, whatever the kernel's own clock is.
  const ms = Number.parseInt(when, 16) * 10;
  return { active: kind === "02", withinMs: ms > 4_000 && ms <= 7_000 ? 7_000 : ms };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Reads up to a text, and leaves what follows. */
async function until(socket: Socket, end: string): Promise<Buffer> {
  let said = Buffer.alloc(0);
  for (;;) {
    const at = said.indexOf(end);
    if (at >= 0) {
      if (said.length > at + end.length) socket.unshift(said.subarray(at + end.length));
      return said.subarray(0, at + end.length);
    }
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) said = Buffer.concat([said, chunk]);
    else if (socket.readableEnded || socket.destroyed)
      throw new Error(`it ended after ${JSON.stringify(said.toString())}`);
    else await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
  }
}

async function exactly(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(count) as Buffer | null;
    if (chunk !== null) return chunk;
    if (socket.readableEnded || socket.destroyed) throw new Error("the connection was closed");
    await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
  }
}

/** Reads to the end. */
async function rest(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  if (!socket.readableEnded) await Promise.race([once(socket, "end"), once(socket, "close")]);
  return Buffer.concat(chunks);
}

async function text(stream: IncomingMessage): Promise<string> {
  let all = "";
  for await (const chunk of stream.setEncoding("utf8")) all += chunk;
  return all;
}
