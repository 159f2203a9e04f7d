import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { REFERENCE_ROWS } from "../../../../contract/reference.ts";
import { VERSION } from "../../../../contract/version.ts";
import { goVersion } from "../../../../images/runtime/go.ts";
import { buildRuntimeImage } from "../../../../images/runtime/index.ts";
import { squashfsVersion } from "../../../../images/runtime/squashfs.ts";
import { Store, sha256File } from "../../../../lib/store.ts";

/** The real image, made twice. Its packages come from the registry the first time, from the cache afterwards. */
describe("the runtime image", function () {
  this.timeout(600_000);
  this.slow(60_000);
  let folder: string;

  before(async function () {
    if ((await goVersion()) === undefined || (await squashfsVersion()) === undefined) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-image-"));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it("has the same bytes each time, holds what it must, and runs", async () => {
    const arch = process.arch === "arm64" ? "arm64" : "amd64";
    const build = async (name: string) => {
      const output = join(folder, name);
      await buildRuntimeImage({ arch, report: () => {}, store: new Store(), output });
      return output;
    };
    const first = await build("first");
    assert.equal(await sha256File(await build("second")), await sha256File(first));

    const tree = join(folder, "tree");
    await execa("unsquashfs", ["-no-progress", "-quiet", "-no-xattrs", "-dest", tree, first]);
    const manifest = JSON.parse(await readFile(join(tree, "MANIFEST.json"), "utf8"));
    assert.deepEqual(Object.keys(manifest.programs), [
      "apply-seccomp",
      "boot-helper",
      "claude",
      "cloister",
      "confine",
      "dial",
      "guard",
      "keeper",
      "mcp",
      "node",
      "npm",
      "npx",
      "probe",
      "proxied",
      "remove-tree",
      "trash",
      "lib/claude",
    ]);
    assert.equal(await sha256File(join(tree, "lib/claude")), manifest.programs["lib/claude"]);
    assert.equal(await sha256File(join(tree, "bin/node")), manifest.programs.node);
    for (const file of [
      "seccomp/base.bpf",
      "seccomp/unix.bpf",
      "units/cloister.slice",
      "boot/start",
      "ssh/ssh_config",
    ]) {
      assert.ok((await readFile(join(tree, file))).length > 0, file);
    }
    assert.equal((await readFile(join(tree, "lib/srt-proxy-agent.jar"))).subarray(0, 2).toString(), "PK");
    const list = await execa("unsquashfs", ["-lln", first]);
    for (const line of list.stdout.split("\n").filter((each) => /^[-d]/.test(each))) {
      assert.match(line, /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) 0\/0 .* 2026-01-01 /, line);
    }
    // The reference is there, and no parser of YAML to read it with.
    const code = await readFile(join(tree, "lib/cloister-program.cjs"), "utf8");
    const [row] = REFERENCE_ROWS;
    assert.ok(row && code.includes(row.fact));
    assert.doesNotMatch(code, /reference\.yaml|YAMLParseError/);
    if (process.platform !== "linux") return;
    const home = { env: { HOME: folder, CLOISTER_HOME: tree }, extendEnv: false };
    const npm = async (...args: string[]) => (await execa(join(tree, "bin/npm"), args, home)).stdout;
    assert.equal(await npm("--version"), manifest.npm);
    assert.equal(await npm("prefix", "--global"), join(folder, ".local"));
    assert.equal((await execa(join(tree, "bin/npx"), ["--version"], home)).stdout, manifest.npm);
    const help = await execa(join(tree, "bin/node"), [join(tree, "lib/cloister.cjs"), "--help"]);
    assert.match(help.stdout, /verify/);
    const version = await execa(join(tree, "bin/node"), [join(tree, "lib/cloister.cjs"), "--version"]);
    assert.equal(version.stdout, manifest.cloister);
    assert.equal(version.stdout, VERSION);
    // The module that reads policy files, apart; and no warning of Node's.
    const policy = join(folder, "policy.yaml");
    await writeFile(policy, "version: 1\nhosts: [nonsense]\n");
    const refused = await execa(
      join(tree, "bin/node"),
      [join(tree, "lib/cloister.cjs"), "run", "--policy", policy, "--", "true"],
      { reject: false },
    );
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /^cloister: .*policy\.yaml:2:9: hosts\.0: not a host/);
  });
});
