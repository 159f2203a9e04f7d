import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buildRuntime, HostSession, requireSandbox } from "../support/sandbox.ts";

/** Rows E1 to E4 of the reference, from inside a session: through both bridges, by real programs. */
describe("a session's way out", function () {
  this.timeout(60_000);
  let runtime: string;
  let session: HostSession;
  let server: Server;
  let port: number;

  before(async function () {
    this.timeout(180_000);
    await requireSandbox();
    runtime = await buildRuntime();
    server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    session = await HostSession.open({
      runtime,
      allow: [`allowed.example:${port}`, "private.example", "*.nip.io"],
      alsoAllow: [`127.0.0.1:${port}`],
      names: {
        "allowed.example": "127.0.0.1",
        "private.example": "10.1.2.3",
        "169-254-169-254.nip.io": "169.254.169.254",
      },
    });
  });

  beforeEach(() => {
    session.decisions.length = 0;
  });

  after(async () => {
    await session?.close();
    server?.close();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  const rows = () => session.decisions.map(({ via, verdict, host, port: to }) => [via, verdict, host, to]);

  it("is the HTTP proxy on localhost:3128, for plain requests and tunnels (E1)", async () => {
    const url = `http://allowed.example:${port}/x`;
    const { http } = await session.probe(`http=${url}`, `http=https://allowed.example:${port}/x`);
    assert.deepEqual([http[0]?.status, http[0]?.body], [200, "hello"]);
    // The tunnel is made; what is at its end here speaks no TLS.
    assert.match(http[1]?.error ?? "", /tls|TLS|HTTP response to HTTPS/);
    assert.deepEqual(rows(), [
      ["http", "allowed", "allowed.example", port],
      ["connect", "allowed", "allowed.example", port],
    ]);
  });

  it("is the SOCKS5 proxy on localhost:1080 (E2)", async () => {
    const { socks } = await session.probe(`socks=allowed.example:${port}`, "socks=denied.example:443");
    assert.deepEqual(
      socks.map(({ reply }) => reply),
      [0, 2],
    );
    assert.deepEqual(rows(), [
      ["socks", "allowed", "allowed.example", port],
      ["socks", "denied", "denied.example", 443],
    ]);
  });

  it("answers 403 with the reason for what is not allowed, and has it in the audit log (E3)", async () => {
    const { http } = await session.probe("http=http://denied.example/x", "http=https://denied.example/x");
    for (const { status, tag, body } of http) {
      assert.deepEqual([status, tag], [403, "blocked-by-allowlist"]);
      assert.match(body ?? "", /blocked by network allowlist/);
    }
    assert.deepEqual(rows(), [
      ["http", "denied", "denied.example", 80],
      ["connect", "denied", "denied.example", 443],
    ]);
  });

  const never = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "169-254-169-254.nip.io",
    "127.0.0.1:22",
    "localhost:22",
    "10.0.2.2",
    "192.168.1.1",
    "private.example",
    "[fe80::1]",
    "[::1]:22",
  ];
  for (const host of never) {
    it(`never leads to ${host}, by HTTP, by a tunnel or by SOCKS (E4)`, async () => {
      const withPort = /:\d+$/.test(host.replace(/\[.*\]/, "")) ? host : `${host}:80`;
      // Programs leave out the proxy for localhost, which is the session's own then: the proxy is asked by hand.
      const ask = "curl -sS -o /dev/null -w '%{http_code} %{http_connect}\\n' --noproxy '' -x $HTTP_PROXY";
      const finished = await session.run([
        "bash",
        "-c",
        `${ask} -g http://${withPort}/; ${ask} -g -p http://${withPort}/ 2>/dev/null; ` +
          `curl -sS -g --noproxy '' -x $ALL_PROXY http://${withPort}/ 2>&1 | grep -c 'curl: (97)'`,
      ]);
      assert.equal(finished.stdout, "403 000\n000 403\n1\n", finished.stderr);
      const denied = session.decisions.filter(({ verdict }) => verdict === "denied");
      assert.deepEqual(
        denied.map(({ via }) => via),
        ["http", "connect", "socks"],
      );
    });
  }

  it("lets curl, git, python and node through when the host is allowed", async () => {
    const url = `http://allowed.example:${port}/`;
    assert.equal((await session.run(["curl", "-sS", url])).stdout, "hello");
    assert.equal(
      (await session.run(["curl", "-sS", "-x", "", "--noproxy", "*", url])).code,
      6,
      "control: not without it",
    );
    const python = `import urllib.request; print(urllib.request.urlopen("${url}").read().decode())`;
    assert.equal((await session.run(["/usr/bin/python3", "-c", python])).stdout, "hello\n");
    await session.run(["git", "ls-remote", `${url}repo.git`]);
    assert.ok(session.decisions.some(({ path }) => path === "/repo.git/info/refs"));
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    if (major > 22 || (major === 22 && minor >= 21)) {
      const node = `fetch("${url}").then((r) => r.text()).then(console.log)`;
      assert.equal((await session.run(["node", "-e", node])).stdout, "hello\n");
    }
  });

  it("works for the first request of twenty sessions' commands in a row", async function () {
    this.timeout(120_000);
    for (let i = 0; i < 20; i++) {
      const { http } = await session.probe(`http=http://allowed.example:${port}/`);
      assert.equal(http[0]?.status, 200, `run ${i}: ${http[0]?.error}`);
    }
  });

  it("works for both proxies at once, and for many requests at once", async () => {
    const url = `http://allowed.example:${port}/`;
    const script = `for i in $(seq 20); do curl -sS ${url} & curl -sS -x $ALL_PROXY ${url} & done; wait`;
    assert.equal((await session.run(["bash", "-c", script])).stdout, "hello".repeat(40));
  });
});
