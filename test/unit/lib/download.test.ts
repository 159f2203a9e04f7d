import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ChecksumError,
  DownloadError,
  download,
  downloadText,
  HostUnreachableError,
  isReachable,
} from "../../../lib/download.ts";
import { sha256 } from "../../../lib/store.ts";

const content = Buffer.alloc(300_000, "cloister ");
const quick = { report: () => {}, retryDelayMs: 1 };

describe("download", () => {
  let server: Server;
  let url: string;
  let folder: string;
  let to: string;
  let ranges: (string | undefined)[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  before(async () => {
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      answer(request, response);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.img`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(async () => {
    ranges = [];
    answer = (request, response) => serve(request, response);
    folder = await mkdtemp(join(tmpdir(), "cloister-download-"));
    to = join(folder, "file.img");
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  /** A host that knows ranges and breaks the connection after `limit` bytes. */
  function serve(request: IncomingMessage, response: ServerResponse, limit = Number.POSITIVE_INFINITY, etag = '"1"') {
    const fits = !request.headers["if-range"] || request.headers["if-range"] === etag;
    const from = fits ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    const body = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      etag,
      "content-length": body.length,
      ...(from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    if (limit >= body.length) response.end(body);
    else response.write(body.subarray(0, limit), () => setTimeout(() => response.destroy(), 80));
  }

  it("fetches a file and tells its size and checksum", async () => {
    assert.deepEqual(await download({ url, to, ...quick }), { bytes: content.length, sha256: sha256(content) });
    assert.deepEqual(await readFile(to), content);
  });

  it("resumes where the connection broke, as often as it brings something", async () => {
    answer = (request, response) => serve(request, response, 50_000);
    const result = await download({ url, to, sha256: sha256(content), retries: 1, ...quick });
    assert.equal(result.bytes, content.length);
    assert.deepEqual(await readFile(to), content);
    assert.equal(ranges.length, 6);
    assert.ok(ranges.slice(1).every((range) => range?.startsWith("bytes=")));
  });

  it("resumes what an earlier run left", async () => {
    answer = (request, response) => (ranges.length === 1 ? serve(request, response, 100_000) : response.destroy());
    await assert.rejects(download({ url, to, retries: 0, ...quick }), DownloadError);
    answer = (request, response) => serve(request, response);
    await download({ url, to, sha256: sha256(content), ...quick });
    assert.equal(ranges.at(-1), "bytes=100000-");
    assert.deepEqual(await readFile(to), content);
  });

  it("starts anew when the file changed on the host meanwhile", async () => {
    answer = (request, response) =>
      serve(request, response, ranges.length === 1 ? 1000 : undefined, `"${ranges.length}"`);
    await download({ url, to, sha256: sha256(content), ...quick });
    assert.deepEqual(await readFile(to), content);
  });

  it("starts anew when the host knows no ranges", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": content.length });
      if (ranges.length > 1) response.end(content);
      else response.write(content.subarray(0, 1000), () => setTimeout(() => response.destroy(), 80));
    };
    await download({ url, to, sha256: sha256(content), ...quick });
    assert.deepEqual(await readFile(to), content);
  });

  it("refuses a wrong checksum, keeps nothing and does not try again", async () => {
    await assert.rejects(download({ url, to, sha256: sha256("other"), ...quick }), (error: Error) => {
      assert.ok(error instanceof ChecksumError);
      assert.match(error.message, new RegExp(`published sha256 ${sha256("other")}, received ${sha256(content)}`));
      return true;
    });
    assert.equal(ranges.length, 1);
    await assert.rejects(stat(to));
    await assert.rejects(stat(`${to}.part`));
  });

  it("fetches all of it again when a resumed file does not fit its checksum", async () => {
    await writeFile(`${to}.part`, "rubbish");
    await writeFile(`${to}.part.json`, JSON.stringify({ url, validator: '"1"' }));
    await download({ url, to, sha256: sha256(content), ...quick });
    assert.deepEqual(ranges, ["bytes=7-", undefined]);
  });

  it("does not fetch what is there and fits", async () => {
    await writeFile(to, content);
    await download({ url, to, sha256: sha256(content), ...quick });
    assert.equal(ranges.length, 0);
  });

  it("says that a host which never answers cannot be reached", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const refused = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/file.img`;
    await once(closed.close(), "close");
    await assert.rejects(download({ url: refused, to, retries: 1, ...quick }), (error: Error) => {
      assert.ok(error instanceof HostUnreachableError);
      assert.match(error.message, /^127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/);
      return true;
    });
    await assert.rejects(downloadText({ url: "http://no-such-host.invalid/", ...quick }), HostUnreachableError);
    assert.equal(await isReachable(refused), false);
    assert.equal(await isReachable(url), true);
  });

  it("retries what may pass and gives up at once on what will not", async () => {
    answer = (request, response) => (ranges.length < 3 ? response.writeHead(503).end() : serve(request, response));
    await download({ url, to, ...quick });
    assert.equal(ranges.length, 3);
    ranges = [];
    answer = (_request, response) => response.writeHead(404).end();
    await assert.rejects(
      download({ url, to, ...quick }),
      (error: Error) => error instanceof DownloadError && error.status === 404,
    );
    assert.equal(ranges.length, 1);
  });

  it("treats a silent connection as broken", async () => {
    answer = (request, response) => {
      if (ranges.length > 1) serve(request, response);
      else response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 10));
    };
    await download({ url, to, sha256: sha256(content), stallTimeoutMs: 200, ...quick });
    assert.equal(ranges.length, 2);
  });

  it("stops when told, and keeps what it has for the next run", async () => {
    const stop = new AbortController();
    answer = (_request, response) => {
      response.writeHead(200, { etag: '"1"', "content-length": content.length });
      response.write(content.subarray(0, 1000), () => setTimeout(() => stop.abort(new Error("told to stop")), 50));
    };
    await assert.rejects(download({ url, to, signal: stop.signal, ...quick }), /told to stop/);
    assert.equal((await stat(`${to}.part`)).size, 1000);
  });

  it("fetches once when two ask for the same file", async () => {
    const both = { url, to, sha256: sha256(content), ...quick };
    await Promise.all([download(both), download(both)]);
    assert.equal(ranges.length, 1);
  });
});
