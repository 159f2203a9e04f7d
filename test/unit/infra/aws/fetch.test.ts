import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

/** The script that fetches the runtime image, against a metadata service and a bucket on loopback. */
describe("fetching the runtime image", () => {
  const image = Buffer.from("a squashfs, as it were");
  const digest = createHash("sha256").update(image).digest("hex");
  const seen: IncomingMessage[] = [];
  let server: Server;
  let folder: string;
  before((done) => {
    server = createServer((request, response) => {
      seen.push(request);
      const { url = "", method } = request;
      const base = "/latest/meta-data/iam/security-credentials/";
      if (url === "/latest/api/token" && method === "PUT") response.end("token");
      else if (url.startsWith("/latest/") && request.headers["x-aws-ec2-metadata-token"] !== "token")
        response.writeHead(401).end();
      else if (url === base) response.end("machines");
      else if (url === `${base}machines`)
        response.end(JSON.stringify({ AccessKeyId: "AKID", SecretAccessKey: "secret", Token: "session" }));
      else if (url.startsWith("/images/runtime/")) response.end(image);
      else response.writeHead(404).end();
    }).listen(0, "127.0.0.1", done);
    folder = mkdtempSync(join(tmpdir(), "cloister-fetch-"));
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const fetch = (target: string, wanted: string) => {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return execa(
      "python3",
      [fileURLToPath(new URL("../../../../cloud-init/files/fetch.py", import.meta.url)), target],
      {
        reject: false,
        env: {
          RUNTIME_DIGEST: wanted,
          RUNTIME_SIZE: String(image.length),
          RUNTIME_REGION: "eu-central-1",
          RUNTIME_BUCKET: "images",
          RUNTIME_KEY: `runtime/${wanted}.squashfs`,
          AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
          AWS_ENDPOINT_URL_S3: endpoint,
        },
      },
    );
  };

  it("takes the role's credentials by IMDSv2, signs, and checks the digest", async () => {
    const target = join(folder, "runtime.squashfs");
    const { exitCode, stderr } = await fetch(target, digest);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(readFileSync(target), image);
    const { headers } = seen.find(({ url }) => url?.startsWith("/images/")) ?? assert.fail("the bucket was not asked");
    assert.match(
      headers.authorization ?? "",
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    const before = seen.length;
    assert.equal((await fetch(target, digest)).exitCode, 0);
    assert.equal(seen.length, before, "an image that is there is not fetched again");
  });

  it("refuses another digest and leaves nothing to mount", async () => {
    const target = join(folder, "wrong.squashfs");
    const { exitCode, stderr } = await fetch(target, "0".repeat(64));
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /has digest .* it is not used/);
    assert.ok(!existsSync(target));
  });
});
