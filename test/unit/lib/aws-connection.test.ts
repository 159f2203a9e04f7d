import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { awsConnection } from "../../../lib/aws-connection.ts";
import { ProxyAddressError } from "../../../lib/proxy.ts";

describe("AWS's SDK on this computer", () => {
  /** Asks AWS who calls, by a proxy that refuses all: what the proxy was asked, and the error. */
  async function ask(
    envOf: (proxy: string) => NodeJS.ProcessEnv,
    answer = "HTTP/1.1 502 Bad Gateway\r\n\r\n",
  ): Promise<{ asked: string[]; error: string }> {
    const asked: string[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      asked.push(`${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
      socket.end(answer);
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    try {
      const env = envOf(`127.0.0.1:${(proxy.address() as AddressInfo).port}`);
      const credentials = { accessKeyId: "a", secretAccessKey: "b" };
      const region = "cloister-test-1";
      const client = new STSClient({ region, credentials, maxAttempts: 1, ...awsConnection(env) });
      const error = await client.send(new GetCallerIdentityCommand({})).then(
        () => "none",
        (error: Error) => error.message,
      );
      return { asked, error };
    } finally {
      proxy.close();
    }
  }
  const AWS = "sts.cloister-test-1.amazonaws.com:443";

  it("goes through the proxy, with its password", async () => {
    const { asked } = await ask((proxy) => ({ HTTPS_PROXY: `http://me:p%40ss@${proxy}` }));
    assert.deepEqual(asked, [`${AWS} Basic ${Buffer.from("me:p@ss").toString("base64")}`]);
    assert.deepEqual((await ask((proxy) => ({ https_proxy: proxy }))).asked, [AWS]);
  });

  it("takes nothing of the proxy's for AWS's answer", async () => {
    const body =
      "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    for (const status of ["201 OK", "204 OK", "403 Forbidden", "407 Proxy Authentication Required"]) {
      const answer = `HTTP/1.1 ${status}\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const { asked, error } = await ask((proxy) => ({ HTTPS_PROXY: proxy }), answer);
      assert.deepEqual(asked, [AWS]);
      assert.match(error, new RegExp(`made no tunnel to sts.*: it answered with ${status.slice(0, 3)}`), status);
    }
  });

  it("takes a password with a % of its own as it is", async () => {
    const { asked, error } = await ask((proxy) => ({ HTTPS_PROXY: `http://me:50%@${proxy}` }));
    assert.deepEqual(asked, [`${AWS} Basic ${Buffer.from("me:50%").toString("base64")}`]);
    assert.match(error, /502/);
    assert.doesNotMatch(error, /50%/);
  });

  it("goes round it where NO_PROXY says so, and where there is none", async () => {
    const { asked, error } = await ask((proxy) => ({ HTTPS_PROXY: `http://${proxy}`, NO_PROXY: ".amazonaws.com" }));
    assert.deepEqual(asked, []);
    assert.match(error, /ENOTFOUND|EAI_AGAIN/);
    assert.deepEqual(awsConnection({ HTTP_PROXY: "http://127.0.0.1:1" }), {});
  });

  it("refuses an address that is no proxy's, and does not go round it", () => {
    assert.throws(() => awsConnection({ HTTPS_PROXY: "socks5://127.0.0.1:1080" }), ProxyAddressError);
  });
});
