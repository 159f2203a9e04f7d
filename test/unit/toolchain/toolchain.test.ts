import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ChecksumError, DownloadError } from "../../../lib/download.ts";
import { Store, sha256 } from "../../../lib/store.ts";
import { findGo, GoMissingError } from "../../../toolchain/go-build.ts";
import { ensureToolchain, explainToolchain } from "../../../toolchain/index.ts";
import { ownBackend } from "../../../toolchain/pulumi.ts";
import { checksumIn, releaseOf } from "../../../toolchain/release.ts";
import { choose, type Findings } from "../../../toolchain/select.ts";

/** A Go compiler that takes no time: what it builds says that it is Pulumi. */
const fakeGo = `
case "$1" in
  list) printf 'one\\ntwo\\n' ;;
  build)
    while [ "$1" != -o ]; do shift; done
    echo one >&2
    printf '#!/bin/sh\\necho v3.245.0\\n' >"$2"; chmod +x "$2" ;;
esac`;

const closed = "http://127.0.0.1:9999";

describe("which Pulumi is used", () => {
  const findings = (change: Partial<Findings> = {}): Findings => ({
    stored: { release: false, built: false },
    released: true,
    reachable: async () => false,
    ...change,
  });
  const onPath = (version: string, languageHost: string | undefined = "/x/pulumi-language-nodejs") => ({
    path: "/x/pulumi",
    version,
    languageHost,
  });
  const unasked = async (): Promise<boolean> => assert.fail("the network was asked without need");

  it("is the one on PATH when it fits", async () => {
    for (const version of ["3.245.0", "3.300.1", "3.246.0-alpha.1"]) {
      assert.equal((await choose(findings({ onPath: onPath(version), reachable: unasked }))).kind, "path", version);
    }
    for (const version of ["3.244.9", "4.0.0", "2.25.0", ""]) {
      const { kind, why } = await choose(findings({ onPath: onPath(version) }));
      assert.equal(kind, "built", version);
      assert.match(why, /on PATH \(\/x\/pulumi\) is not >=3\.245\.0 <4; its download host cannot be reached/);
    }
    const alone = await choose(
      findings({ onPath: { path: "/x/pulumi", version: "3.245.0", languageHost: undefined } }),
    );
    assert.match(alone.why, /has no pulumi-language-nodejs beside it or on PATH/);
  });

  it("is what the store holds, the release before the built one, without asking the network", async () => {
    const both = findings({ stored: { release: true, built: true }, reachable: unasked });
    assert.equal((await choose(both)).kind, "release");
    assert.equal((await choose({ ...both, stored: { release: false, built: true } })).kind, "built");
  });

  it("is the official release where its host answers, else a built one", async () => {
    assert.equal((await choose(findings({ reachable: async () => true }))).kind, "release");
    assert.equal((await choose(findings())).kind, "built");
    assert.equal((await choose(findings({ released: false, reachable: unasked }))).kind, "built");
  });
});

describe("the official release", () => {
  it("has a name per platform and a published checksum", () => {
    const { file, url, checksums } = releaseOf("darwin", "arm64") ?? {};
    assert.equal(file, "pulumi-v3.245.0-darwin-arm64.tar.gz");
    assert.equal(url, "https://get.pulumi.com/releases/sdk/pulumi-v3.245.0-darwin-arm64.tar.gz");
    assert.equal(checksums, "https://get.pulumi.com/releases/sdk/pulumi-3.245.0-checksums.txt");
    assert.equal(releaseOf("linux", "riscv64"), undefined);
    const sum = "AB".repeat(32);
    assert.equal(
      checksumIn(`${"0".repeat(64)}  other.tar.gz\n${sum}  mine.tar.gz\n`, "mine.tar.gz"),
      sum.toLowerCase(),
    );
    assert.equal(checksumIn(`${sum} mine.tar.gz.sig\nnonsense\n`, "mine.tar.gz"), undefined);
  });
});

describe("ensureToolchain", function () {
  this.timeout(30_000);
  let folder: string;
  let store: Store;
  let server: Server;
  let releaseHost: string;
  let files: Map<string, Buffer>;
  let said: string[];
  const report = (line: string): void => void said.push(line);

  before(async () => {
    server = createServer((request, response) => {
      const body = files.get(new URL(request.url ?? "", "http://x").pathname.split("/").at(-1) ?? "");
      if (request.method === "HEAD") response.end();
      else if (body) response.end(body);
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    releaseHost = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(async () => {
    said = [];
    files = new Map();
    folder = await mkdtemp(join(tmpdir(), "cloister-toolchain-"));
    store = new Store(join(folder, "store"));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  /** A folder on PATH with these scripts, before the system's own. */
  async function path(scripts: Record<string, string>): Promise<NodeJS.ProcessEnv> {
    const bin = join(folder, "bin");
    await mkdir(bin, { recursive: true });
    for (const [name, text] of Object.entries(scripts)) {
      await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
      await chmod(join(bin, name), 0o755);
    }
    return { PATH: `${bin}:/usr/bin:/bin`, HOME: folder };
  }

  async function publish(checksum?: string): Promise<void> {
    const { file = "", checksums = "" } = releaseOf(process.platform, process.arch) ?? {};
    await mkdir(join(folder, "made", "pulumi"), { recursive: true });
    await writeFile(join(folder, "made", "pulumi", "pulumi"), "#!/bin/sh\necho v3.245.0\n", { mode: 0o755 });
    await execa("tar", ["-czf", join(folder, file), "-C", join(folder, "made"), "pulumi"]);
    const archive = await readFile(join(folder, file));
    files.set(file, archive);
    files.set(checksums.split("/").at(-1) ?? "", Buffer.from(`${checksum ?? sha256(archive)}  ${file}\n`));
  }

  it("takes the Pulumi on PATH as it is, without stand-ins", async () => {
    const env = await path({ pulumi: "echo v3.250.0", "pulumi-language-nodejs": "" });
    const toolchain = await ensureToolchain({ env, store, report });
    assert.equal(toolchain.kind, "path");
    assert.equal(toolchain.version, "3.250.0");
    assert.deepEqual(toolchain.env, {});
    assert.deepEqual(said, []);
  });

  it("downloads the official release, checks it and keeps it, without stand-ins", async () => {
    await publish();
    const env = await path({ pulumi: "echo v3.100.0" });
    const explained = await explainToolchain({ env, store, releaseHost });
    assert.match(
      explained.join("\n"),
      /is not >=3\.245\.0 <4; its download host answers\.\nIt would be downloaded and checked/,
    );
    const first = await ensureToolchain({ env, store, releaseHost, report });
    assert.equal(first.kind, "release");
    assert.equal((await execa(first.pulumi)).stdout, "v3.245.0");
    assert.deepEqual(Object.keys(first.env), ["PATH", "PULUMI_SKIP_UPDATE_CHECK"]);
    files.clear();
    const second = await ensureToolchain({ env, store, releaseHost, report });
    assert.equal(second.pulumi, first.pulumi);
    assert.match(second.why, /the official release is in the cache/);
  });

  it("stops at a wrong checksum and at an error of the host: it never falls back silently", async () => {
    await publish(sha256("something else"));
    const env = await path({ go: "exit 1" });
    await assert.rejects(ensureToolchain({ env, store, releaseHost, report }), ChecksumError);
    files.clear();
    await assert.rejects(ensureToolchain({ env, store, releaseHost, report }), (error: Error) => {
      return error instanceof DownloadError && error.status === 404;
    });
  });

  it("says which Go is too old, and what another mistake of Go's is", async () => {
    const go = (version: string) =>
      `case "$1" in version) echo "go version go${version} linux/amd64" ;; *) echo "go: errors parsing go.mod: invalid go version" >&2; exit 1 ;; esac`;
    const old = await path({ go: go("1.18.1") });
    await assert.rejects(
      ensureToolchain({ env: old, store, releaseHost: closed, report }),
      /bin\/go is version 1\.18\.1, which is too old\. Install Go 1\.25\.\d+ or newer/,
    );
    const good = await path({ go: go("1.30.0") });
    await assert.rejects(ensureToolchain({ env: good, store, releaseHost: closed, report }), /errors parsing go\.mod/);
  });

  it("builds it where the host cannot be reached, and says why; makes it again when it was damaged", async () => {
    const env = await path({ go: fakeGo });
    const explained = await explainToolchain({ env, store, releaseHost: closed });
    assert.match(explained.join("\n"), /cannot be reached\.\nThe CLI 3\.245\.0 would be built with .*\/bin\/go/);
    const toolchain = await ensureToolchain({ env, store, releaseHost: closed, report });
    assert.equal(toolchain.kind, "built");
    assert.match(toolchain.why, /there is no pulumi on PATH; its download host cannot be reached/);
    assert.match(said.join("\n"), /building Pulumi 3\.245\.0 from 2 Go packages/);
    assert.equal((await execa(toolchain.pulumi)).stdout, "v3.245.0");
    const plugin = join(toolchain.env["PULUMI_HOME"] ?? "", "plugins/resource-command-v1.2.1/pulumi-resource-command");
    assert.match(await readFile(plugin, "utf8"), /^#!\/usr\/bin\/env node/);
    await writeFile(toolchain.pulumi, "#!/bin/sh\necho v6.666.6\n");
    const again = await ensureToolchain({ env, store, releaseHost: closed, report });
    assert.equal((await execa(again.pulumi)).stdout, "v3.245.0");
    assert.match(said.join("\n"), /the cached toolchain \w+ is damaged: making it again/);
  });

  it("leaves a Pulumi home of the user's own alone", async () => {
    const env = {
      ...(await path({ go: fakeGo })),
      PULUMI_HOME: folder,
    };
    const toolchain = await ensureToolchain({ env, store, releaseHost: closed, report });
    assert.equal(toolchain.env["PULUMI_HOME"], undefined);
    assert.match(toolchain.env["PATH"] ?? "", /\/plugin$/);
  });

  it("looks for Go on PATH and where its installer puts it, and says what to do where there is none", async () => {
    const env = await path({ go: fakeGo });
    assert.equal(await findGo(env), join(folder, "bin", "go"));
    assert.equal(await findGo({ PATH: folder }, [join(folder, "bin")]), join(folder, "bin", "go"));
    assert.equal(await findGo({ PATH: folder }, []), undefined);
    assert.match(
      new GoMissingError().message,
      /Install Go 1\.25 or newer .* or put an official Pulumi 3\.245\.0 release on PATH/,
    );
  });
});

describe("the backend of npm run pulumi", () => {
  const own = { PULUMI_BACKEND_URL: "file:///p%20q/.cloister/state?metadata=skip", PULUMI_CONFIG_PASSPHRASE: "" };

  it("is the project's own where the user chose none", () => {
    assert.deepEqual(ownBackend({}, undefined, "/p q"), own);
    assert.deepEqual(ownBackend({}, '{"current":""}', "/p q"), own);
    assert.deepEqual(ownBackend({}, "not json", "/p q"), own);
  });

  it("is the user's where there is one", () => {
    assert.deepEqual(ownBackend({ PULUMI_BACKEND_URL: "s3://b" }, undefined, "/p"), {});
    assert.deepEqual(ownBackend({ PULUMI_ACCESS_TOKEN: "t" }, undefined, "/p"), {});
    assert.deepEqual(ownBackend({}, '{"current":"file://~"}', "/p"), {});
  });

  it("does not replace a passphrase", () => {
    const { PULUMI_CONFIG_PASSPHRASE, ...rest } = ownBackend({ PULUMI_CONFIG_PASSPHRASE: "x" }, undefined, "/p q");
    assert.equal(PULUMI_CONFIG_PASSPHRASE, undefined);
    assert.equal(rest["PULUMI_BACKEND_URL"], own.PULUMI_BACKEND_URL);
    assert.equal(
      "PULUMI_CONFIG_PASSPHRASE" in ownBackend({ PULUMI_CONFIG_PASSPHRASE_FILE: "x" }, undefined, "/p"),
      false,
    );
  });
});
