import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSync } from "../../../../cli/commands/sync.ts";
import { ListingReader } from "../../../../cli/sync/listing.ts";
import { folderHere, type SyncOptions, type SyncReport, sync } from "../../../../cli/sync.ts";
import type { Transport } from "../../../../cli/transport.ts";
import { standInPrograms, transportHere, waysHere } from "../../../support/operator/here.ts";

/** Both sides are on this computer; the machine's end is the real program, over the real remote helper. */
describe("cloister sync", function () {
  this.timeout(180_000);
  this.slow(8_000);
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  let machine: Transport;
  let root: string;
  before(async () => {
    programs = await standInPrograms();
    machine = transportHere(waysHere(() => programs.env).pipes);
  });
  after(() => programs.remove());
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), "cloister-sync-test-")));
    await mkdir(here());
    await mkdir(join(root, "folders"));
    await put(here("a"), "a");
    await put(here("sub/b"), "b");
  });
  // Paths may be too long for Node's own call.
  afterEach(() => void execFileSync("rm", ["-rf", root]));

  const here = (path = ""): string => join(root, "here", path);
  const there = (path = ""): string => join(root, "folders", "app", path);
  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(join(path, ".."), { recursive: true });
    await rm(path, { force: true });
    await writeFile(path, text, { mode });
  };
  const text = async (path: string): Promise<string> => await readFile(path, "utf8");
  const run = async (options: SyncOptions = {}): Promise<SyncReport> =>
    await sync(
      machine,
      { folder: here(), stack: "s", machine: "m", there: there().replace(/\/$/, "") },
      { state: join(root, "state"), ...options },
    );
  const leftOut = ({ left }: SyncReport): string[] => left.flatMap((one) => one.left.first.map(({ path }) => path));
  const told = (report: SyncReport): string => describeSync(report, here(), false).join("\n");

  it("ends a listing whose names alone would fill this computer's memory, or take it hours", () => {
    const entry = (name: string) => ({ letter: "d", data: Buffer.concat([Buffer.alloc(10), Buffer.from(name)]) });
    const wide = new ListingReader(2 ** 20);
    wide.take(entry("top"));
    let taken = 0;
    assert.throws(() => {
      for (; taken < 10_000; taken++) {
        wide.take(entry(`${taken}`.padStart(200, "0")));
        wide.take({ letter: "u", data: Buffer.alloc(0) });
      }
    }, /names have more than 1 MiB/);
    assert.ok(taken > 5_000, "control: thousands are taken");
    const deep = new ListingReader();
    let depth = 0;
    assert.throws(() => {
      for (; depth < 100; depth++) deep.take(entry("d".repeat(250)));
    }, /a path has more than 4096 bytes, exclude its folder: d+\.\.\./);
    assert.equal(depth, 17, "control: what programs can name is taken");
  });

  it("goes on after a session's path that is too long in the folder of what has come", async () => {
    await run();
    // A path of 4,084 bytes is none too long on the machine.
    const nest =
      "import os, sys\nfor i in range(16): os.mkdir('d' * 248); os.chdir('d' * 248)\nopen('f' * 100, 'w').close()";
    execFileSync("python3", ["-c", nest], { cwd: there() });
    await put(there("from-session"), "s");
    for (const want of [["from-session"], []]) {
      const report = await run();
      assert.deepEqual(
        report.brought.filter((path) => !path.startsWith("ddd")),
        want,
      );
      assert.ok(
        report.left.flatMap(({ left }) => left.first).some(({ why }) => /name too long/.test(why)),
        told(report),
      );
    }
    assert.deepEqual(
      (await readdir(join(root, "state"), { recursive: true })).filter((name) => /staging|lock/.test(name)),
      [],
    );
    await put(here("from-here"), "h");
    assert.deepEqual((await run()).plan.send, ["from-here"], "control");
  });

  it("brings back nothing that the operator's settings of git name", async () => {
    const git = (...words: string[]) => execFileSync("git", ["-C", here(), ...words]);
    git("init", "-q");
    git("config", "core.hooksPath", "tools/hooks");
    git("config", "filter.words.clean", "python3 'tools/clean.py' --all");
    git("config", "include.path", "../.gitsettings");
    for (const path of ["tools/clean.py", "tools/other.py", ".gitsettings"]) await put(here(path), "# mine\n");
    await run();
    const changed = ["tools/clean.py", "tools/hooks/pre-commit", ".gitsettings"];
    for (const path of [...changed, "tools/other.py"]) await put(there(path), "# evil\n", 0o755);
    const report = await run();
    assert.deepEqual(report.plan.protectedPaths.map(({ path }) => path).sort(), [...changed, "tools/hooks"].sort());
    assert.deepEqual(report.brought, ["tools/other.py"], "control");
    assert.match(told(report), /tools\/hooks\/pre-commit: your setting core.hookspath of git names it/);
  });

  it("lets no message of a commit become a setting of git's", async () => {
    const git = (...words: string[]) => execFileSync("git", ["-C", here(), ...words], { encoding: "utf8" });
    git("init", "-q", "-b", "main");
    git("config", "user.name", "me");
    git("config", "user.email", "me@example.com");
    git("add", "a");
    git("commit", "-q", "-m", "first");
    await run();
    // A session's commit, and a link in the place of the file that git writes its message to.
    const session = (...words: string[]) => execFileSync("git", ["-C", there(), ...words], { encoding: "utf8" });
    await put(there("a"), "evil");
    session("checkout", "-q", "-b", "evil");
    session("commit", "-q", "-a", "-m", "[core]\n\tevil = true");
    session("checkout", "-q", "main");
    await symlink("config", there(".git/MERGE_MSG"));
    const report = await run();
    assert.deepEqual(
      report.plan.protectedPaths.map(({ path }) => path),
      [".git/MERGE_MSG"],
    );
    git("cherry-pick", "--no-commit", "evil");
    assert.throws(() => git("config", "core.evil"));
    // Control: with the link in its place the same act writes the settings.
    git("reset", "-q", "--hard");
    await rm(here(".git/MERGE_MSG"), { force: true });
    await symlink("config", here(".git/MERGE_MSG"));
    git("cherry-pick", "--no-commit", "evil");
    assert.equal(git("config", "core.evil"), "true\n");
  });

  it("copies a folder in, and brings back what was changed, made and deleted", async () => {
    await put(here("run"), "#!/bin/sh\n", 0o755);
    await symlink("a", here("link"));
    await mkdir(here("empty"));
    const first = await run();
    assert.deepEqual([...first.plan.send].sort(), ["a", "empty", "link", "run", "sub", "sub/b"]);
    assert.equal(await text(there("sub/b")), "b");
    assert.equal(await readlink(there("link")), "a");
    assert.equal((await stat(there("run"))).mode & 0o777, 0o755);

    await put(there("a"), "changed");
    await put(there("new/deep/file"), "new");
    await rm(there("sub"), { recursive: true });
    await put(here("mine"), "mine");
    await rm(here("run"));
    const second = await run();
    assert.equal(await text(here("a")), "changed");
    assert.equal(await text(here("new/deep/file")), "new");
    assert.ok(!existsSync(here("sub")));
    assert.equal(await text(there("mine")), "mine");
    assert.ok(!existsSync(there("run")));
    assert.deepEqual(leftOut(second), []);
    assert.equal(await text(join(second.aside ?? "", "sub/b")), "b", "a deleted file is kept aside");
    assert.equal(await text(join(second.aside ?? "", "a")), "a", "and so is a replaced one");
    assert.match(told(second), /deleted here: 2\n {2}sub\/b\n {2}sub\n/);

    const third = await run();
    const { send, bring, deleteHere, deleteThere, conflicts } = third.plan;
    assert.deepEqual([send, bring, deleteHere, deleteThere, conflicts], [[], [], [], [], []]);
    assert.ok(!(await readdir(root)).includes("staging"));
  });

  it("leaves a file alone that has changed on both sides, until a side is preferred", async () => {
    await run();
    await put(here("a"), "mine");
    await put(there("a"), "theirs");
    await rm(here("sub/b"));
    await put(there("sub/b"), "theirs");
    const { plan } = await run();
    assert.deepEqual(
      plan.conflicts.map(({ path }) => path),
      ["a", "sub/b"],
    );
    assert.deepEqual([await text(here("a")), await text(there("a"))], ["mine", "theirs"]);
    assert.deepEqual((await run()).plan.conflicts.length, 2, "it is told again");
    const settled = await run({ prefer: "machine" });
    assert.deepEqual([await text(here("a")), await text(here("sub/b"))], ["theirs", "theirs"]);
    assert.equal(await text(join(settled.aside ?? "", "a")), "mine");
    await put(here("a"), "mine");
    await put(there("a"), "theirs");
    await run({ prefer: "here" });
    assert.equal(await text(there("a")), "mine");
    assert.deepEqual((await run()).plan.conflicts, []);
  });

  it("writes nothing outside of the folder, whatever a session puts in its place", async () => {
    await mkdir(join(root, "outside"));
    await put(join(root, "outside/file"), "outside");
    await run();
    await symlink(join(root, "outside"), there("abroad"));
    await symlink("../outside/file", there("file"));
    await rm(there("sub"), { recursive: true });
    await symlink(join(root, "outside"), there("sub"));
    await put(there("bits"), "bits", 0o644);
    await chmod(there("bits"), 0o6755);
    execFileSync("mkfifo", [there("fifo")]);
    const report = await run();
    assert.deepEqual(await readdir(join(root, "outside")), ["file"]);
    assert.equal(await text(join(root, "outside/file")), "outside");
    for (const name of ["abroad", "file", "fifo"]) assert.ok(!existsSync(here(name)), name);
    assert.equal((await stat(here("bits"))).mode & 0o7777, 0o755, "the control: the file came, its bits did not");
    assert.ok(leftOut(report).some((path) => path.endsWith("fifo")));
    assert.ok(leftOut(report).includes("app/abroad"), "it is named as the folder is, not as where it was staged");
    // A link that an earlier sync brought is not followed by a later one.
    await symlink("sub2", there("inside"));
    await mkdir(there("sub2"));
    await run();
    assert.equal(await readlink(here("inside")), "sub2");
    await rm(there("inside"));
    await put(there("inside/x"), "x");
    await run();
    assert.deepEqual(await readdir(here("sub2")), []);
    assert.equal(await text(here("inside/x")), "x");
  });

  it("follows no link of this computer's on the way to a file that comes", async () => {
    await mkdir(join(root, "outside"));
    await run();
    await put(there("new/file"), "new");
    await symlink(join(root, "outside"), here("new"));
    const { plan } = await run();
    assert.deepEqual(await readdir(join(root, "outside")), []);
    assert.deepEqual(
      plan.conflicts.map(({ path }) => path),
      ["new"],
    );
  });

  it("brings a repository's work back, and nothing that git obeys", async () => {
    const git = (folder: string, ...words: string[]) =>
      execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    git(here(), "init", "-q");
    git(here(), "add", ".");
    git(here(), "commit", "-q", "-m", "one");
    await run();
    assert.equal(git(there(), "status", "--porcelain"), "");
    await put(there("a"), "two");
    git(there(), "commit", "-q", "-a", "-m", "two");
    git(there(), "config", "core.fsmonitor", "touch /tmp/pwned");
    await put(there(".git/hooks/post-checkout"), "#!/bin/sh\n", 0o755);
    await put(there(".vscode/tasks.json"), "{}");
    await put(there("evil/config"), "[core]");
    for (const name of ["HEAD", "objects/x", "refs/x"]) await put(there(`evil/${name}`), name);
    await put(there("vendor/.git"), "gitdir: ../evil\n");
    const config = await text(here(".git/config"));
    const report = await run();
    assert.equal(git(here(), "log", "--format=%s", "-1").trim(), "two");
    assert.equal(git(here(), "status", "--porcelain", "--untracked-files=no"), "");
    git(here(), "fsck", "--strict");
    assert.equal(await text(here(".git/config")), config);
    assert.ok(!existsSync(here(".git/hooks/post-checkout")));
    for (const name of [".vscode/tasks.json", "evil/config", "evil/HEAD", "vendor/.git"])
      assert.ok(!existsSync(here(name)), name);
    assert.match(told(report), /\.git\/config: git obeys it/);
    assert.match(told(report), /evil\/HEAD: /);
    const back = await run({ prefer: "here" });
    assert.ok(back.plan.send.includes(".git/config") && !existsSync(there("evil/config")), "put back there");
    assert.equal(await text(there(".git/config")), config);
    git(there(), "config", "core.fsmonitor", "x");
    await put(there(".vscode/tasks.json"), "{}");
    await run({ bring: [".git/config", ".vscode"] });
    assert.match(await text(here(".git/config")), /fsmonitor/, "the control: it comes when it is asked for");
    assert.equal(await text(here(".vscode/tasks.json")), "{}");
    // A session that deletes the repository does not delete it here.
    await rm(there(".git"), { recursive: true });
    await run();
    git(here(), "fsck", "--strict");
    assert.match(git(here(), "log", "--format=%s"), /^two\none/);
  });

  it("tells of a repository that has new commits on both sides, and mixes nothing", async () => {
    const git = (folder: string, ...words: string[]) =>
      execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    git(here(), "init", "-q", "-b", "main");
    git(here(), "add", ".");
    git(here(), "commit", "-q", "-m", "one");
    await run();
    git(here(), "commit", "-q", "--allow-empty", "-m", "mine");
    git(there(), "commit", "-q", "--allow-empty", "-m", "theirs");
    git(there(), "branch", "other");
    const { plan } = await run();
    assert.deepEqual(
      plan.conflicts.map(({ path }) => path),
      [".git"],
    );
    assert.match(git(here(), "log", "--format=%s"), /^mine\n/);
    assert.ok(!existsSync(here(".git/refs/heads/other")));
    git(here(), "fsck", "--strict");
    await run({ prefer: "machine" });
    assert.match(git(here(), "log", "--format=%s"), /^theirs\n/);
    git(here(), "fsck", "--strict");
  });

  it("does not take a replaced machine for a session that has deleted everything", async () => {
    await run();
    await rm(there(), { recursive: true });
    await run();
    assert.equal(await text(there("a")), "a");
    await rm(there(), { recursive: true });
    await mkdir(there());
    await run();
    assert.equal(await text(here("sub/b")), "b");
    assert.equal(await text(there("sub/b")), "b");
  });

  it("copies nothing that is excluded, in either direction, and deletes nothing of it", async () => {
    await put(here(".env"), "secret");
    await put(here("build/out/x"), "x");
    await put(here("deep/node_modules/m"), "m");
    await put(here(".cloisterignore"), "# secrets\n.env\nbuild/out\n");
    await run({ exclude: ["node_modules", "*.log"] });
    for (const name of [".env", "build/out", "deep/node_modules"]) assert.ok(!existsSync(there(name)), name);
    assert.equal(await text(there("a")), "a");
    await put(there("deep/node_modules/y"), "y");
    await put(there("sub/x.log"), "x");
    await put(there(".cloisterignore"), "");
    const { plan } = await run({ exclude: ["node_modules", "*.log"] });
    assert.ok(!existsSync(here("deep/node_modules/y")) && !existsSync(here("sub/x.log")));
    assert.equal(await text(here(".env")), "secret");
    assert.deepEqual(
      plan.protectedPaths.map(({ path }) => path),
      [".cloisterignore"],
    );
    // What is excluded from now on is no deletion.
    await run({ exclude: ["node_modules", "*.log", "sub"] });
    assert.equal(await text(here("sub/b")), "b");
    assert.equal(await text(there("sub/b")), "b");
  });

  it("takes no home with its keys, by whatever path, and any folder in it", async () => {
    const home = join(root, "home");
    await mkdir(join(home, "project"), { recursive: true });
    await symlink(home, join(root, "alias"));
    for (const [path, why] of [
      [home, /is your home/],
      [`${home}/`, /is your home/],
      [join(root, "alias"), /is your home/],
      [root, /holds your home/],
      ["/", /whole of this computer's disk/],
    ] as const) {
      await assert.rejects(folderHere(path, home), why);
      await assert.rejects(folderHere(path, join(root, "alias")), why);
    }
    assert.equal(await folderHere(join(home, "project"), home), join(home, "project"));
    await mkdir(join(root, "hom"));
    assert.equal(
      await folderHere(join(root, "hom"), home),
      join(root, "hom"),
      "another one, whose name is its beginning",
    );
  });

  it("says what would happen, and does nothing", async () => {
    const { plan } = await run({ dryRun: true });
    assert.equal(plan.send.length, 3);
    assert.ok(!existsSync(there()));
  });

  it("takes a file for a folder and a folder for a file", async () => {
    await run();
    await rm(there("a"));
    await put(there("a/in"), "in");
    await rm(there("sub"), { recursive: true });
    await put(there("sub"), "now a file");
    const back = await run();
    assert.deepEqual([await text(here("a/in")), await text(here("sub"))], ["in", "now a file"], told(back));
    await rm(here("a"), { recursive: true });
    await put(here("a"), "file");
    await rm(here("sub"));
    await put(here("sub/c"), "c");
    await run();
    assert.deepEqual([await text(there("a")), await text(there("sub/c"))], ["file", "c"]);
  });

  it("keeps names that are no UTF-8, and shows names that would act on a terminal", async () => {
    await run();
    const odd = Buffer.from([...Buffer.from(there("odd-")), 0xff, 0x1b, 0x5b]);
    await writeFile(odd, "odd");
    const report = await run();
    assert.equal(await readFile(Buffer.from([...Buffer.from(here("odd-")), 0xff, 0x1b, 0x5b]), "utf8"), "odd");
    assert.match(told(report), /odd-\\xff\\x1b\[/);
  });

  it("notices a change by its content, not by its time", async () => {
    const when = new Date("2026-01-01");
    await utimes(here("a"), when, when);
    await run();
    await put(there("a"), "A");
    await utimes(there("a"), when, when);
    await run();
    assert.equal(await text(here("a")), "A");
  });
});
