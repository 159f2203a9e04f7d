import assert from "node:assert/strict";
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { baseSide } from "../../../../cli/container/ci/base-side.ts";

describe("the policy of a pull request's base", () => {
  let folder: string;
  const git = async (...args: string[]) =>
    (await execa("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args])).stdout;
  const allowed = async (policy: string, commit: string) => {
    const side = await baseSide(folder, policy, commit);
    return side.there ? (side.read.run?.allow ?? side.read.problems[0]?.message) : undefined;
  };
  const objectFile = (id: string) => join(folder, ".git/objects", id.slice(0, 2), id.slice(2));
  let commit: string;

  beforeEach(async () => {
    // A colon separates folders of objects.
    folder = await mkdtemp(join(tmpdir(), "cloister-base:test-"));
    await git("init", "--quiet");
    await mkdir(join(folder, "ci"));
    await writeFile(join(folder, "p.yaml"), "version: 1\nhosts: [npm]\n");
    await writeFile(join(folder, "ci/p.yaml"), "version: 1\nhosts: [pypi]\n");
    await git("add", "-A");
    await git("commit", "--quiet", "-m", "base");
    commit = await git("rev-parse", "HEAD");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is read of loose and of packed objects, in folders too", async () => {
    assert.deepEqual(await allowed("p.yaml", commit), ["npm"]);
    await git("repack", "-adq");
    assert.deepEqual(await allowed("ci/p.yaml", commit), ["pypi"]);
    assert.equal(await allowed("ci", commit), "not a file");
    assert.equal(await allowed("p.yaml/none", commit), undefined);
    assert.equal(await allowed("none.yaml", commit), undefined);
  });

  it("is of the same folder as the head's, where the checkout is a folder of the repository", async () => {
    const allowedIn = async (path: string) => {
      const side = await baseSide(path, "p.yaml", commit);
      return side.there && side.read.run?.allow;
    };
    assert.deepEqual(await allowedIn(join(folder, "ci")), ["pypi"]);
    assert.deepEqual(await allowedIn(folder), ["npm"], "the control");
    // A session that saw this folder alone makes it a repository, in which the root's file would be its own.
    await writeFile(join(folder, "ci/.git"), "gitdir: ../.git\n");
    assert.deepEqual(await allowedIn(join(folder, "ci")), ["pypi"]);
  });

  it("is of the outermost repository alone, and is refused where that lacks the commit", async () => {
    const inner = join(folder, "ci");
    const read = async (repository?: string) => {
      const side = await baseSide(inner, "p.yaml", commit, repository);
      return side.there && side.read.run?.allow;
    };
    // A session moves the commit to a copy of the repository, in which the root's file would be this folder's.
    await cp(join(folder, ".git"), join(inner, ".git"), { recursive: true });
    assert.deepEqual(await read(), ["pypi"], "the control");
    await rm(objectFile(commit));
    await assert.rejects(read(), /cannot be read from the checkout/);
    await assert.rejects(read(folder), /cannot be read from the checkout/);
    // Neither is one taken because the workspace's is gone or broken.
    await rm(join(folder, ".git"), { recursive: true });
    await assert.rejects(read(folder), /cannot be read from the checkout/);
    await mkdir(join(folder, ".git"));
    await assert.rejects(read(), /cannot be read from the checkout/);
    assert.deepEqual(await read(inner), ["npm"], "the one that is named");
  });

  it("is not of a repository that another user put around it", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const inner = join(folder, "ci/inner");
    await execa("git", ["clone", "--quiet", folder, inner]);
    await rm(join(folder, ".git/objects"), { recursive: true });
    const read = () => baseSide(join(inner, "ci"), "p.yaml", commit);
    await assert.rejects(read(), /cannot be read from the checkout/, "the control");
    await chown(join(folder, ".git"), 4711, 4711);
    const side = await read();
    assert.deepEqual(side.there && side.read.run?.allow, ["pypi"]);
  });

  it("runs no program that the checkout's settings name, and fetches nothing", async () => {
    const ran = join(folder, "ran");
    const there = () =>
      stat(ran).then(
        () => true,
        () => false,
      );
    await git("config", "remote.origin.url", `ext::sh -c touch% ${ran}`);
    await git("config", "protocol.ext.allow", "always");
    await git("config", "remote.origin.promisor", "true");
    await git("config", "extensions.partialClone", "origin");
    await git("config", "core.repositoryFormatVersion", "1");
    await git("config", "core.fsmonitor", `touch ${ran}`);
    await rm(objectFile(commit));
    await assert.rejects(baseSide(folder, "p.yaml", commit), /fetch-depth: 0.*GIT_DEPTH: 0/);
    assert.equal(await there(), false);
    await git("cat-file", "-e", commit).catch(() => {});
    assert.equal(await there(), true, "the control: git itself runs it");
  });

  it("is no object that a session put under the name of another", async () => {
    await writeFile(join(folder, "evil"), "version: 1\nhosts: [evil.example]\n");
    const evil = await git("hash-object", "-w", "evil");
    const good = await git("rev-parse", `${commit}:p.yaml`);
    await chmod(objectFile(good), 0o644);
    await copyFile(objectFile(evil), objectFile(good));
    assert.match(await git("cat-file", "blob", good), /evil/, "the control: git itself takes it");
    await assert.rejects(baseSide(folder, "p.yaml", commit), /is not what its name says/);
  });
});
