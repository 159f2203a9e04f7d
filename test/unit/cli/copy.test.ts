import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRoute } from "../../../cli/commands/cp.ts";
import { type CopyOptions, copyFrom, copyTo } from "../../../cli/copy.ts";
import type { Transport } from "../../../cli/transport.ts";
import { standInPrograms, transportHere, waysHere } from "../../support/operator/here.ts";

const options: CopyOptions = { user: "operator" };
const NAME = "it's $(id)\nGrüße -x";

describe("cloister cp", function () {
  this.timeout(15_000);
  this.slow(3_000);
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  let machine: Transport;
  let folder: string;
  before(async () => {
    programs = await standInPrograms();
    machine = transportHere(waysHere(() => programs.env).pipes);
  });
  after(() => programs.remove());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-cp-test-"));
    await mkdir(join(folder, "here", "tree", "-sub"), { recursive: true });
    await mkdir(join(folder, "there"));
    await writeFile(join(folder, "here", "tree", "-sub", NAME), "deep");
    await writeFile(join(folder, "here", "tree", "run.sh"), "#!/bin/sh\n");
    await chmod(join(folder, "here", "tree", "run.sh"), 0o750);
    await symlink("-sub", join(folder, "here", "tree", "link"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const at = (...parts: string[]): string => join(folder, ...parts);
  const isTree = async (path: string): Promise<void> => {
    assert.deepEqual((await readdir(path)).sort(), ["-sub", "link", "run.sh"]);
    assert.equal(await readFile(join(path, "-sub", NAME), "utf8"), "deep");
    assert.equal(await readlink(join(path, "link")), "-sub");
    assert.equal((await stat(join(path, "run.sh"))).mode & 0o777, 0o750);
  };

  for (const [what, copy] of [
    ["to a machine", copyTo],
    ["from a machine", copyFrom],
  ] as const) {
    describe(what, () => {
      it("takes a folder to a new name, with modes, links and names of any kind", async () => {
        await copy(machine, at("here", "tree"), at("there", "new"), options);
        await isTree(at("there", "new"));
        assert.deepEqual(await readdir(at("there")), ["new"], "nothing else is left");
      });

      it("takes a folder into a folder, and merges it with what is there by its name", async () => {
        await mkdir(at("there", "tree"));
        await writeFile(at("there", "tree", "other"), "stays");
        await copy(machine, at("here", "tree"), at("there"), options);
        assert.equal(await readFile(at("there", "tree", "other"), "utf8"), "stays");
        await rm(at("there", "tree", "other"));
        await isTree(at("there", "tree"));
      });

      it("takes a file in place of another, and into a folder, whatever its name", async () => {
        const file = at("here", "tree", "-sub", NAME);
        await writeFile(at("there", "old"), "to be replaced");
        await copy(machine, file, at("there", "old"), options);
        assert.equal(await readFile(at("there", "old"), "utf8"), "deep");
        await copy(machine, file, `${at("there")}/`, options);
        assert.equal(await readFile(at("there", NAME), "utf8"), "deep");
      });

      it("says what is missing, and leaves nothing", async () => {
        // Its own side is looked at before the machine is asked; the machine's side has one code for all that it refuses.
        const [source, place] =
          copy === copyTo
            ? (["CLOISTER_E_COPY_SOURCE", "CLOISTER_E_COPY_REFUSED"] as const)
            : (["CLOISTER_E_COPY_REFUSED", "CLOISTER_E_COPY_PLACE"] as const);
        const rejects = async (from: string, to: string, message: RegExp, code: string) =>
          await assert.rejects(copy(machine, from, to, options), { message, code });
        await rejects(at("here", "none"), at("there"), /there is no .*none/, source);
        await rejects(at("here", "tree"), at("there", "no", "x"), /there is no folder .*no/, place);
        await rejects(at("here", "tree"), `${at("there", "no")}/`, /there is no folder/, place);
        await mkdir(at("there", "run.sh"));
        await rejects(at("here", "tree", "run.sh"), at("there"), /is a folder on/, "CLOISTER_E_COPY_REFUSED");
        assert.deepEqual(await readdir(at("there")), ["run.sh"]);
      });
    });
  }

  for (const [what, copy] of [
    ["to a machine", copyTo],
    ["from a machine", copyFrom],
  ] as const) {
    it(`can be repeated ${what} with a repository of git's, with a commit in between`, async () => {
      const git = (folder: string, ...words: string[]) =>
        execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      const tree = at("here", "tree");
      git(tree, "init", "-q");
      for (const round of ["one", "two"]) {
        await writeFile(at("here", "tree", "run.sh"), `#!/bin/sh\necho ${round}\n`);
        git(tree, "add", ".");
        git(tree, "commit", "-q", "-m", round);
        const { left, notes } = await copy(machine, tree, at("there"), options);
        assert.deepEqual([left.count, notes.count], [0, 0]);
        const copied = at("there", "tree");
        git(copied, "fsck", "--strict");
        assert.equal(git(copied, "status", "--porcelain"), "");
        assert.equal(git(copied, "log", "--format=%s").split("\n")[0], round);
      }
      const objects = execFileSync("find", [at("there", "tree", ".git", "objects"), "-type", "f", "-perm", "0444"]);
      assert.ok(objects.length > 100, "the control: there are files that may not be written");
      const { ino } = await stat(at("there", "tree", "run.sh"));
      await copy(machine, tree, at("there"), options);
      assert.notEqual((await stat(at("there", "tree", "run.sh"))).ino, ino, "a file gives way to another");
    });

    it(`says what it has left out ${what}, and is a success`, async () => {
      await symlink("/etc/passwd", at("here", "tree", "out"));
      execFileSync("mkfifo", [at("here", "tree", "fifo")]);
      await chmod(at("here", "tree", "run.sh"), 0o4755);
      const { left, notes } = await copy(machine, at("here", "tree"), at("there"), options);
      assert.equal(left.count, 2);
      assert.deepEqual(left.first.map(({ path, why }) => `${path}: ${why}`).sort(), [
        "tree/fifo: a named pipe",
        "tree/out: a link that leads out of what is copied, to /etc/passwd",
      ]);
      assert.deepEqual(notes, {
        first: [{ path: "tree/run.sh", why: "its set-user-id or set-group-id bit was left out" }],
        count: 1,
      });
      assert.equal((await stat(at("there", "tree", "run.sh"))).mode & 0o7777, 0o755);
    });
  }

  it("ends when the machine's end sends what it should not", async () => {
    for (const [script, message, code] of [
      ["printf 'not a copy'", /no copy|cut off/, /COPY_(REFUSED|CUT)$/],
      ["kill -9 $$", /cut off|exit code 137/, /COPY_(CUT|FAILED)$/],
      ["exit 0", /cut off/, /COPY_CUT$/],
      ["printf 'Traceback\\n\\033[31mred\\n' >&2; exit 3", /^Traceback\n\\x1b\[31mred$/, /COPY_FAILED$/],
    ] as const) {
      const lying: Transport = {
        ...machine,
        exec: (_command, given) => machine.exec(["sh", "-c", script], given),
      };
      await assert.rejects(copyFrom(lying, "/some/tree", at("there"), options), { message, code });
      await assert.rejects(copyTo(lying, at("here", "tree"), "x", options));
    }
    assert.deepEqual(await readdir(at("there")), []);
  });

  it("counts the bytes that go by", async () => {
    let moved = 0;
    const counting = { ...options, moved: (bytes: number) => (moved += bytes) };
    await copyTo(machine, at("here", "tree"), at("there"), counting as CopyOptions);
    assert.ok(moved > 100, `${moved}`);
  });

  it("reads which side is on a machine", () => {
    assert.deepEqual(parseRoute("one:a b", "x", undefined), {
      direction: "from",
      machine: "one",
      from: "a b",
      to: "x",
    });
    assert.deepEqual(parseRoute("x", ":", undefined), { direction: "to", from: "x", to: "." });
    assert.deepEqual(parseRoute("x", ":~/y", "one"), { direction: "to", machine: "one", from: "x", to: "y" });
    assert.deepEqual(parseRoute("./a:b", "i-0a1b:/c", undefined), {
      direction: "to",
      machine: "i-0a1b",
      from: "./a:b",
      to: "/c",
    });
    assert.throws(() => parseRoute("a", "b", undefined), /one of both must be on a machine/);
    assert.throws(() => parseRoute(":a", ":b", undefined), /one of both must be on a machine/);
    assert.throws(() => parseRoute("one:a", "b", "two"), /leave one of them out/);
    assert.throws(() => parseRoute("", ":b", undefined), /the source is empty: name a path/);
    assert.throws(() => parseRoute(":a", "", undefined), /the destination is empty: name a path/);
  });
});
