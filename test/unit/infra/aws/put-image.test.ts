import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { S3Client } from "@aws-sdk/client-s3";
import { putImage } from "../../../../infra/aws/steps/put-image.ts";

/** What the stand-in for S3 does with a request to put something. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe("the upload of the runtime image", () => {
  const IMAGE = "an image ".repeat(1_000);
  let folder: string;
  let server: Server;
  let client: S3Client;
  let there: number | undefined;
  let answers: Answer[];
  let owners: unknown[];
  let bodies: string[];
  let said: string[];

  const fine: Answer = async (request, response) => {
    bodies.push(await text(request));
    response.end();
  };
  const refused =
    (status: number): Answer =>
    (request, response) => {
      request.resume();
      response.statusCode = status;
      response.end(`<Error><Code>No</Code><Message>no, ${status}</Message></Error>`);
    };

  beforeEach(async () => {
    [there, answers, owners, bodies, said] = [undefined, [], [], [], []];
    folder = await mkdtemp(join(tmpdir(), "cloister-put-"));
    await writeFile(join(folder, "image"), IMAGE);
    server = createServer((request, response) => {
      owners.push(request.headers["x-amz-expected-bucket-owner"]);
      if (request.method === "HEAD") {
        response.statusCode = there === undefined ? 404 : 200;
        if (there !== undefined) response.setHeader("content-length", there);
        response.end();
      } else (answers.shift() ?? fine)(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    client = new S3Client({
      region: "eu-central-1",
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
    });
  });
  afterEach(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  const put = async (account = "") => {
    const digest = createHash("sha256").update(IMAGE).digest("hex");
    const image = {
      file: join(folder, "image"),
      digest,
      size: IMAGE.length,
      bucket: "runtime",
      key: `${digest}.squashfs`,
    };
    await putImage(client, { ...image, account }, (line) => said.push(line), 1);
  };

  it("is whole, and told", async () => {
    await put();
    assert.deepEqual(bodies, [IMAGE]);
    assert.match(said.join(), /^putting the runtime image \(0 MB\) into runtime$/);
  });

  it("is not repeated where the image is there, and is where another size is", async () => {
    there = IMAGE.length;
    await put();
    assert.deepEqual([bodies, said], [[], ["the runtime image is in the bucket already"]]);
    there = 10;
    await put();
    assert.deepEqual(bodies, [IMAGE]);
  });

  it("begins anew, whole, when the line breaks off or S3 cannot, and gives up in the end", async () => {
    const broken: Answer = (request) => void request.once("data", () => request.socket.destroy());
    answers = [broken, refused(503)];
    await put();
    assert.deepEqual(bodies, [IMAGE]);
    assert.equal(said.filter((line) => /^it broke off \(.+\): once more$/.test(line)).length, 2);
    answers = Array(5).fill(refused(500));
    await assert.rejects(put(), /no, 500/);
    assert.equal(answers.length, 1, "four tries");
  });

  it("is not tried again where AWS refuses it", async () => {
    answers = [refused(403)];
    await assert.rejects(put(), /no, 403/);
    assert.deepEqual(bodies, []);
  });

  it("goes into no bucket of another account than the pinned one", async () => {
    await put("111111111111");
    assert.deepEqual(owners, ["111111111111", "111111111111"]);
    owners = [];
    await put();
    assert.deepEqual(owners, [undefined, undefined]);
  });
});
