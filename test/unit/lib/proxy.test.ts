import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { isReachable } from "../../../lib/download.ts";
import { fetchHere, ProxyAddressError, proxyEnvironment, proxyFor } from "../../../lib/proxy.ts";

describe("a computer behind a proxy", () => {
  let proxy: Server;
  let asked: string[];
  let address: string;
  let target: number;

  before(async () => {
    proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
      response.end("by the proxy");
    });
    proxy.on("connect", (request, socket, head) => {
      asked.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
      // Whatever the name, it leads to the server of this test.
      const upstream = connect(target, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.write(head);
        socket.pipe(upstream).pipe(socket);
      });
      for (const end of [upstream, socket]) end.on("error", () => {});
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  beforeEach(() => {
    asked = [];
  });

  it("reaches the world through it, and what NO_PROXY names directly", () => {
    const env = { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: ".inside.example,10.0.0.0/8" };
    assert.equal(proxyFor("https://files.example/x", env)?.host, "proxy:3128");
    assert.equal(proxyFor("https://a.inside.example/x", env), undefined);
    assert.equal(proxyFor("https://10.1.2.3/x", env), undefined);
    assert.equal(proxyFor("http://127.0.0.1:80/x", env), undefined);
    assert.equal(proxyFor("https://files.example/x", {}), undefined);
    assert.equal(proxyFor("http://files.example/x", { http_proxy: "http://lower:1" })?.host, "lower:1");
  });

  it("is never gone round because its address cannot be used: that is told, without its password", () => {
    for (const [text, said] of [
      ["socks5h://me:secret@proxy:1080", /^HTTPS_PROXY names a proxy of the kind socks5h, and only http and https/],
      ["ftp://proxy", /of the kind ftp/],
      ["not a url", /^HTTPS_PROXY is no address of a proxy: write http/],
      ["http://me:secret@", /is no address of a proxy/],
    ] as const) {
      assert.throws(
        () => proxyFor("https://files.example/x", { https_proxy: text, NO_PROXY: ".inside.example" }),
        (error: Error) =>
          error instanceof ProxyAddressError && said.test(error.message) && !/secret/.test(error.message),
        text,
      );
      assert.equal(
        proxyFor("https://a.inside.example/x", { https_proxy: text, NO_PROXY: ".inside.example" }),
        undefined,
      );
    }
    assert.equal(proxyFor("https://files.example/x", { HTTPS_PROXY: "proxy:3128" })?.host, "proxy:3128");
  });

  it("is no host that cannot be reached", async () => {
    const before = process.env["https_proxy"];
    process.env["https_proxy"] = "socks5://127.0.0.1:1";
    try {
      await assert.rejects(isReachable("https://files.example/"), ProxyAddressError);
    } finally {
      if (before === undefined) delete process.env["https_proxy"];
      else process.env["https_proxy"] = before;
    }
  });

  it("takes a password with a sign that is not encoded", async () => {
    const env = { http_proxy: `http://me:50%@${address}` };
    assert.equal((await fetchHere("http://files.example/x", {}, env)).status, 200);
    const sent = Buffer.from("me:50%").toString("base64");
    assert.ok(
      asked.some((line) => line.includes(sent)),
      asked.join(),
    );
  });

  it("tells other programs of it in the spelling that each reads", () => {
    const env = proxyEnvironment({ HTTPS_PROXY: "http://p:1", no_proxy: "a", SSL_CERT_FILE: "/ca.pem" });
    assert.deepEqual(env, {
      https_proxy: "http://p:1",
      HTTPS_PROXY: "http://p:1",
      no_proxy: "a",
      NO_PROXY: "a",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
    });
    assert.deepEqual(proxyEnvironment({ SSL_CERT_FILE: "/a", NODE_EXTRA_CA_CERTS: "/b" }), {});
  });

  it("fetches through it with its credentials: plain HTTP, and HTTPS by an authority of its own", async function () {
    this.timeout(20_000);
    const folder = await mkdtemp(join(tmpdir(), "cloister-ca-"));
    const [key, ca] = [join(folder, "key.pem"), join(folder, "ca.pem")];
    const subject = ["-subj", "/CN=files.example", "-addext", "subjectAltName=DNS:files.example"];
    await execa("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      ca,
      ...subject,
    ]);
    const server = createTlsServer({ key: await readFile(key), cert: await readFile(ca) }, (_request, response) =>
      response.end("by the host"),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    target = (server.address() as AddressInfo).port;
    try {
      const env = { HTTPS_PROXY: `http://me:s%40cret@${address}`, HTTP_PROXY: `http://me:s%40cret@${address}` };
      const credentials = `Basic ${Buffer.from("me:s@cret").toString("base64")}`;
      const plain = await fetchHere("http://files.example/plain", {}, env);
      assert.equal(await plain.text(), "by the proxy");
      await assert.rejects(
        fetchHere("https://files.example/sealed", {}, env),
        /fetch failed/,
        "the control: not trusted",
      );
      const answer = await fetchHere("https://files.example/sealed", {}, { ...env, SSL_CERT_FILE: ca });
      assert.equal(await answer.text(), "by the host");
      assert.equal(asked.length, 3);
      for (const line of asked) assert.ok(line.includes(credentials), line);
      assert.match(asked[2] ?? "", /^CONNECT files\.example:443 /);
    } finally {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
