import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMessage, generateKey, type Key, type PrivateKey, readKey, readPrivateKey, sign } from "openpgp";
import { checksumOf, FINGERPRINT, SignatureError, signingKey } from "../../../../images/base/ubuntu/checksums.ts";
import { ensureUbuntuImage, UBUNTU_KIND } from "../../../../images/base/ubuntu/image.ts";
import { current, pinned, UBUNTU, ubuntuKey } from "../../../../images/base/ubuntu/release.ts";
import { ChecksumError, DownloadError, HostUnreachableError } from "../../../../lib/download.ts";
import { Store, sha256 } from "../../../../lib/store.ts";

const image = Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(400_000, "cloister ")]);

async function keyPair(): Promise<{ key: Key; privateKey: PrivateKey }> {
  const made = await generateKey({ userIDs: [{ name: "a test" }], type: "ecc", format: "armored" });
  return {
    key: await readKey({ armoredKey: made.publicKey }),
    privateKey: await readPrivateKey({ armoredKey: made.privateKey }),
  };
}

describe("Ubuntu's cloud image", () => {
  let signer: Awaited<ReturnType<typeof keyPair>>;
  let server: Server;
  let host: string;
  let folder: string;
  let store: Store;
  let said: string[];
  /** Files that the host publishes, by path. */
  let published: Map<string, Buffer>;
  let requests: { path: string; range: string | undefined }[];
  /** For the next requests of an image: bytes after which the connection breaks. */
  let breaks: number[];

  before(async () => {
    signer = await keyPair();
    server = createServer((request, response) => {
      const path = request.url ?? "";
      requests.push({ path, range: request.headers.range });
      const content = published.get(path);
      if (!content) return response.writeHead(404).end();
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const body = content.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        etag: '"1"',
        "content-length": body.length,
        ...(from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      const limit = path.endsWith(".img") ? breaks.shift() : undefined;
      if (limit !== undefined) {
        response.flushHeaders();
        return response.write(body.subarray(0, limit), () => setTimeout(() => response.destroy(), 80));
      }
      return response.end(body);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ubuntu-"));
    store = new Store(folder);
    said = [];
    requests = [];
    breaks = [];
    published = new Map();
    await publish(pinned("amd64", host));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  async function publish(
    build: { folder: string; file: string },
    { content = image, privateKey = signer.privateKey, armored = true, listed = sha256(content) } = {},
  ): Promise<void> {
    const list = Buffer.from(`${"0".repeat(64)} *another.img\n${listed} *${build.file}\n`);
    const message = await createMessage({ binary: list });
    const signature = armored
      ? Buffer.from(await sign({ message, signingKeys: privateKey, detached: true, format: "armored" }))
      : Buffer.from(await sign({ message, signingKeys: privateKey, detached: true, format: "binary" }));
    const path = new URL(build.folder).pathname;
    published.set(`${path}SHA256SUMS`, list);
    published.set(`${path}SHA256SUMS.gpg`, signature);
    published.set(path + build.file, content);
  }

  const ensure = async (more: Partial<Parameters<typeof ensureUbuntuImage>[0]> = {}) =>
    await ensureUbuntuImage({
      arch: "amd64",
      store,
      report: (line) => said.push(line),
      host,
      key: signer.key,
      retryDelayMs: 1,
      ...more,
    });
  const stored = async () => await store.check(UBUNTU_KIND, ubuntuKey("amd64"));
  const fetched = () => requests.filter(({ path }) => path.endsWith(".img"));

  it("is downloaded, checked and kept", async () => {
    const found = await ensure();
    assert.deepEqual(await readFile(found.path), image);
    assert.equal(found.digest, sha256(image));
    assert.equal(found.standIn, false);
    assert.equal(
      found.url,
      `${host}/releases/jammy/release-${UBUNTU["ubuntu-22.04"].serial}/ubuntu-22.04-server-cloudimg-amd64.img`,
    );
  });

  it("is used from the store without asking the network", async () => {
    const { path } = await ensure();
    const again = await ensure({ host: "http://127.0.0.1:1" });
    assert.equal(again.path, path);
  });

  it("is downloaded again when its cached copy is damaged", async () => {
    const { path } = await ensure();
    const damaged = Buffer.from(image);
    damaged[1000] = 0;
    await writeFile(path, damaged);
    assert.deepEqual(await readFile((await ensure()).path), image);
    assert.ok(said.some((line) => line.includes("damaged")));
  });

  it("is downloaded once by two runs at the same time", async () => {
    const [one, other] = await Promise.all([ensure(), ensure()]);
    assert.equal(one.path, other.path);
    assert.equal(fetched().length, 1);
  });

  it("is resumed when the connection breaks", async () => {
    breaks = [150_000, 150_000];
    assert.deepEqual(await readFile((await ensure()).path), image);
    assert.deepEqual(
      fetched().map(({ range }) => range),
      [undefined, "bytes=150000-", "bytes=300000-"],
    );
  });

  it("is resumed by the next run when this one is cut short", async () => {
    breaks = [150_000];
    await assert.rejects(ensure({ retries: 0 }), DownloadError);
    assert.equal(await stored(), "absent");
    requests = [];
    assert.deepEqual(await readFile((await ensure()).path), image);
    assert.deepEqual(
      fetched().map(({ range }) => range),
      ["bytes=150000-"],
    );
  });

  it("accepts a binary signature too", async () => {
    await publish(pinned("amd64", host), { armored: false });
    await ensure();
    assert.equal(await stored(), "intact");
  });

  it("refuses a list signed by another key, before any image is fetched", async () => {
    await publish(pinned("amd64", host), { privateKey: (await keyPair()).privateKey });
    await assert.rejects(ensure(), SignatureError);
    assert.equal(fetched().length, 0);
    assert.equal(await stored(), "absent");
  });

  it("refuses a list that was changed after it was signed", async () => {
    const path = `${new URL(pinned("amd64", host).folder).pathname}SHA256SUMS`;
    published.set(path, Buffer.concat([published.get(path) ?? Buffer.alloc(0), Buffer.from("\n")]));
    await assert.rejects(ensure(), SignatureError);
  });

  it("refuses a signature file without a signature", async () => {
    const path = `${new URL(pinned("amd64", host).folder).pathname}SHA256SUMS.gpg`;
    for (const nonsense of ["", "nonsense", "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"]) {
      published.set(path, Buffer.from(nonsense));
      await assert.rejects(ensure(), SignatureError);
    }
  });

  it("refuses an image with another checksum than the signed one", async () => {
    await publish(pinned("amd64", host), { listed: sha256("another") });
    await assert.rejects(ensure(), ChecksumError);
    assert.equal(await stored(), "absent");
  });

  it("refuses what is signed but is no disk image", async () => {
    await publish(pinned("amd64", host), { content: Buffer.from("<html>") });
    await assert.rejects(ensure(), /is not a qcow2 image/);
    assert.equal(await stored(), "absent");
  });

  it("says so when the signed list lacks the image", async () => {
    const { folder: at } = pinned("amd64", host);
    await publish({ folder: at, file: "something-else.img" });
    await assert.rejects(ensure(), /does not list ubuntu-22.04-server-cloudimg-amd64.img/);
  });

  it("takes today's build, and says so, when the pinned one is no longer published", async () => {
    published.clear();
    await publish(current("amd64", host));
    assert.equal((await ensure()).url, `${host}/jammy/current/jammy-server-cloudimg-amd64.img`);
    assert.ok(said.some((line) => line.includes(`build ${UBUNTU["ubuntu-22.04"].serial} is no longer published`)));
  });

  it("is today's build of 24.04 where that is asked for, kept apart from 22.04", async () => {
    published.clear();
    const release = UBUNTU["ubuntu-24.04"];
    await publish(current("amd64", host, release));
    const found = await ensure({ release });
    assert.equal(found.name, "ubuntu-24.04");
    assert.equal(found.url, `${host}/noble/current/noble-server-cloudimg-amd64.img`);
    assert.ok(said.some((line) => line.includes("no build of Ubuntu 24.04 is pinned")));
    assert.equal(await stored(), "absent");
    // Nothing but today's build is tried.
    published.clear();
    requests = [];
    await assert.rejects(ensure({ release, store: new Store(join(folder, "other")) }), DownloadError);
    assert.ok(
      requests.every(({ path }) => path.startsWith("/noble/current/")),
      JSON.stringify(requests),
    );
  });

  it("tells an unreachable host from one that refuses", async () => {
    await assert.rejects(ensure({ host: "http://127.0.0.1:1", retries: 0 }), HostUnreachableError);
    published.clear();
    await assert.rejects(ensure(), (error: unknown) => error instanceof DownloadError && error.status === 404);
  });
});

describe("Canonical's signing key", () => {
  it("is the one with the published fingerprint, and can sign", async () => {
    const key = await signingKey();
    assert.equal(key.getFingerprint(), FINGERPRINT);
    assert.equal((await key.getSigningKey()).getFingerprint(), FINGERPRINT);
  });

  it("is refused when another was put in its place", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-key-"));
    try {
      const { key } = await keyPair();
      await writeFile(join(folder, "key.asc"), key.armor());
      await assert.rejects(signingKey(join(folder, "key.asc")), /instead of d2eb4462/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("checksumOf", () => {
  const a = "a".repeat(64);
  it("reads both of sha256sum's forms", () => {
    assert.equal(checksumOf(`${a} *x.img\n`, "x.img"), a);
    assert.equal(checksumOf(`${a}  x.img\r\n`, "x.img"), a);
  });
  it("takes no other name for the name", () => {
    assert.equal(checksumOf(`${a} *x.img.zip\n${a} *not-x.img`, "x.img"), undefined);
  });
});
