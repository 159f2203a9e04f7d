import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { ENDS, outrun, receive, say, startEnd } from "../../support/operator/copy-ends.ts";
import { type Swapping, swap } from "../../support/operator/swap.ts";

/** Somebody without rights. */
const NOBODY = 65534;
const SEED = Number(process.env["CLOISTER_TEST_SEED"] ?? Date.now() % 1_000_000);
const isRoot = process.getuid?.() === 0;

describe("what a copy receives", function () {
  this.timeout(60_000);
  this.slow(20_000);
  let folder: string;
  let swapping: Swapping | undefined;
  const at = (...parts: string[]): string => join(folder, ...parts);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-cp-hostile-"));
    await chmod(folder, 0o755);
    await mkdir(at("to"));
    await mkdir(at("outside"));
    await writeFile(at("outside", "canary"), "alive");
  });
  afterEach(async () => {
    await swapping?.stop();
    swapping = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  /** Nothing was written outside, and nothing unfinished is left. */
  const unharmed = async (): Promise<void> => {
    await unharmedOutside();
    assert.equal(execFileSync("find", [folder, "-name", ".cloister-cp-*"], { encoding: "utf8" }), "");
  };

  const unharmedOutside = async (): Promise<void> => {
    assert.deepEqual(await readdir(at("outside")), ["canary"], `seed ${SEED}`);
    assert.equal(await readFile(at("outside", "canary"), "utf8"), "alive", `seed ${SEED}`);
  };

  for (const [name, end] of Object.entries(ENDS)) {
    describe(name, () => {
      const take = (...sent: Buffer[]) => receive(end, [at("to"), "tree"], sent);

      it("refuses names that would lead elsewhere", async () => {
        const good = await take(say.folder("tree"), say.file("proper", "one"), say.up, say.end);
        assert.equal(good.code, 0, good.report.other);
        assert.equal(await readFile(at("to", "tree", "proper"), "utf8"), "one", "the control: a proper name serves");
        const wrong = ["..", ".", "", "a/b", "../canary", `${at("outside")}/canary`, "a\0b", "n".repeat(256)];
        const shapes = [
          (bad: string) => say.file(bad, "bad"),
          (bad: string) => Buffer.concat([say.folder(bad), say.file("canary", "bad"), say.up]),
          (bad: string) => say.link(bad, "proper"),
        ];
        for (const [i, bad] of [...wrong, "..", "..", "../canary", "../canary"].entries()) {
          const { code, report } = await take(say.folder("tree"), shapes[i % 3]?.(bad) ?? say.up, say.up, say.end);
          assert.equal(code, 1, JSON.stringify(bad));
          assert.match(report.failure?.why ?? report.other, /lead elsewhere|no copy/);
        }
        assert.deepEqual(await readdir(at("to", "tree")), ["proper"]);
        await unharmed();
      }).timeout(240_000);

      it("gives what was named the name that the operator has written, whatever it is called", async () => {
        const { code } = await take(say.file("other", "one"), say.end);
        assert.equal(code, 0);
        assert.deepEqual(await readdir(at("to")), ["tree"]);
        const refused = await take(say.file("../../outside/canary", "bad"), say.end);
        assert.equal(refused.code, 1);
        await unharmed();
      });

      it("never writes through links that stand at the destination", async () => {
        await mkdir(at("naive"));
        await symlink("../outside", at("naive", "sub"));
        execFileSync("sh", ["-c", `echo through > ${at("naive", "sub", "canary")}`]);
        assert.equal(await readFile(at("outside", "canary"), "utf8"), "through\n", "the control: a path follows it");
        await writeFile(at("outside", "canary"), "alive");

        await mkdir(at("to", "tree"));
        await symlink("../../outside", at("to", "tree", "sub"));
        await symlink("../../outside/canary", at("to", "tree", "file"));
        await symlink("../../outside/canary", at("to", "tree", "link"));
        const into = [say.folder("sub"), say.file("canary", "new"), say.up];
        const { code, report } = await take(
          ...[say.folder("tree"), ...into, say.file("file", "new"), say.link("link", "file"), say.up, say.end],
        );
        assert.equal(code, 0, report.failure?.why);
        await unharmed();
        assert.ok((await lstat(at("to", "tree", "sub"))).isDirectory());
        assert.equal(await readFile(at("to", "tree", "sub", "canary"), "utf8"), "new");
        assert.ok((await lstat(at("to", "tree", "file"))).isFile());
        assert.equal(await readlink(at("to", "tree", "link")), "file");
        assert.deepEqual(
          report.notes.map(({ path }) => path),
          ["tree/sub"],
        );
      });

      it("never writes through a link in place of what was named itself", async () => {
        await symlink("../outside", at("to", "tree"));
        assert.equal((await take(say.folder("x"), say.file("canary", "new"), say.up, say.end)).code, 0);
        assert.equal(await readFile(at("to", "tree", "canary"), "utf8"), "new");
        await unharmed();
        await symlink("../outside/canary", at("to", "file"));
        assert.equal((await receive(end, [at("to"), "file"], [say.file("x", "new"), say.end])).code, 0);
        assert.equal(await readFile(at("to", "file"), "utf8"), "new");
        await unharmed();
      });

      it("makes no link that leads out of what is copied, and writes through none that it has made", async () => {
        const out = ["/etc/passwd", "..", "../outside", "a/..", "a/../..", ".", "../tree/../../outside", "/", ""];
        const links = out.map((target, i) => say.link(`l${i}`, target));
        const { code, report } = await take(
          ...[say.folder("tree"), say.folder("a"), say.link("up", "../a"), say.up, ...links, say.link("in", "a/up")],
          // Down by a link inside and up again would be two up.
          ...[say.link("far", "a/up/../.."), say.folder("l2"), say.file("canary", "new"), say.up],
          ...[say.folder("in"), say.file("new", "new"), say.up, say.up, say.end],
        );
        assert.equal(code, 0, report.failure?.why);
        await unharmed();
        assert.deepEqual((await readdir(at("to", "tree"))).sort(), ["a", "in", "l2", "l5"]);
        assert.equal(await readlink(at("to", "tree", "a", "up")), "../a", "the control: a link inside is made");
        assert.equal(await readlink(at("to", "tree", "l5")), ".");
        assert.equal(report.counts?.left, out.length, "all but the harmless one, and the far one");
        assert.deepEqual(await readdir(at("to", "tree", "a")), ["up"], "a folder does not go through a link");
        assert.deepEqual(await readdir(at("to", "tree", "in")), ["new"]);
      });

      it("makes no link of what was named itself", async () => {
        const { code } = await take(say.link("tree", "canary"), say.end);
        assert.equal(code, 1);
        assert.deepEqual(await readdir(at("to")), []);
      });

      it("takes nine bits of a mode, and says which files had more", async () => {
        const { code, report } = await take(
          ...[say.folder("tree", 0o7777), say.file("suid", "x", 0o6755), say.file("sticky", "x", 0o1777)],
          ...[say.file("plain", "x", 0o750), say.folder("closed", 0o444), say.file("in", "x", 0o444), say.up],
          ...[say.up, say.end],
        );
        assert.equal(code, 0);
        const umask = process.umask();
        const mode = async (...names: string[]) => ((await stat(at("to", ...names))).mode & 0o7777).toString(8);
        const less = (bits: number) => (bits & ~umask).toString(8);
        assert.equal(await mode("tree"), less(0o777));
        assert.equal(await mode("tree", "suid"), less(0o755));
        assert.equal(await mode("tree", "sticky"), less(0o777));
        assert.equal(await mode("tree", "plain"), less(0o750), "the control: others are kept");
        assert.equal(await mode("tree", "closed"), less(0o744), "its owner can come in again");
        assert.equal(await mode("tree", "closed", "in"), less(0o444));
        assert.deepEqual(report.notes, [
          { path: "tree/suid", why: "its set-user-id or set-group-id bit was left out" },
        ]);
        const { mtimeMs } = await stat(at("to", "tree", "plain"));
        assert.ok(Math.abs(mtimeMs - 1_600_000_000_123) < 2, `${mtimeMs}`);
        assert.ok(Math.abs((await stat(at("to", "tree", "closed"))).mtimeMs - 1_600_000_000_123) < 2);
      });

      it("replaces a file when the new one is complete, and not before", async () => {
        await mkdir(at("to", "tree"));
        await writeFile(at("to", "tree", "file"), "old");
        const begin = [say.folder("tree"), say.begin("file"), say.data("new")];
        const unreadable = await take(...begin, say.broken, say.up, say.end);
        assert.equal(unreadable.code, 0);
        assert.equal(await readFile(at("to", "tree", "file"), "utf8"), "old");
        for (const sent of [begin, [...begin, say.whole], [...begin, say.whole, say.up]]) {
          const { code, report } = await take(...sent);
          assert.equal(code, 1);
          assert.equal(report.failure?.cut, true);
        }
        assert.equal(await readFile(at("to", "tree", "file"), "utf8"), "new", "what was complete is there");
        const half = deflateSync(Buffer.concat([...begin, say.data(Buffer.alloc(99_999, "x"))])).subarray(0, 90);
        assert.equal((await receive(end, [at("to"), "tree"], half)).report.failure?.cut, true);
        assert.equal(await readFile(at("to", "tree", "file"), "utf8"), "new");
        await unharmed();
      });

      for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
        it(`leaves nothing unfinished at ${signal}`, async () => {
          const { child, ended } = startEnd(end, ["receive", at("to"), "tree"]);
          // zlib keeps the end to itself; more than it keeps is what makes the file begin.
          const sent = [say.folder("tree"), say.begin("file"), say.data(Buffer.alloc(60_000, "x"))];
          child.stdin?.write(deflateSync(Buffer.concat([...sent, ...sent.slice(2)])).subarray(0, -8));
          const begun = async () => (await readdir(at("to", "tree")).catch(() => [])).length > 0;
          for (let i = 0; i < 2000 && !(await begun()); i++) await sleep(10);
          assert.match((await readdir(at("to", "tree"))).join(), /^\.cloister-cp-/, "the control: a file has begun");
          child.kill(signal);
          assert.notEqual((await ended).code, 0);
          assert.deepEqual(await readdir(at("to", "tree")), []);
        });
      }

      it("takes no folder for a file and no file for a folder, and says so", async () => {
        await mkdir(at("to", "tree", "folder"), { recursive: true });
        await writeFile(at("to", "tree", "file"), "old");
        const { code, report } = await take(
          ...[say.folder("tree"), say.file("folder", "new"), say.folder("file"), say.file("deep", "new"), say.up],
          ...[say.link("folder", "file"), say.file("after", "new"), say.up, say.end],
        );
        assert.equal(code, 0);
        assert.deepEqual(report.left, [
          { path: "tree/folder", why: "a folder stands there" },
          { path: "tree/file", why: "a file stands there" },
          { path: "tree/folder", why: "a folder stands there" },
        ]);
        assert.equal(await readFile(at("to", "tree", "file"), "utf8"), "old");
        assert.equal(await readFile(at("to", "tree", "after"), "utf8"), "new", "the control: the rest is taken");
      });

      it("ends at what no end of ours would send", async () => {
        const bad: Record<string, readonly Buffer[]> = {
          "content of no file": [say.data("x"), say.end],
          "two at the top": [say.file("a", "x"), say.file("b", "x"), say.end],
          "up from the top": [say.up, say.file("a", "x"), say.end],
          "an end in a folder": [say.folder("a"), say.end],
          "a file in a file": [say.begin("a"), say.begin("b"), say.whole, say.end],
          "an unknown letter": [Buffer.from("h\0\0\0\x0c".padEnd(17, "x"), "latin1"), say.end],
          "a short one": [Buffer.from("d\0\0\0\x02xx", "latin1"), say.end],
          "a long one": [Buffer.from("d\xff\xff\xff\xffxx", "latin1"), say.end],
          "nothing but an end, inside": [say.begin("a"), say.end],
        };
        for (const [what, sent] of Object.entries(bad)) {
          await rm(at("to", "tree"), { recursive: true, force: true });
          const { code, report } = await take(...sent);
          assert.equal(code, 1, what);
          assert.match(report.failure?.why ?? report.other, /no copy/, what);
        }
        const noise = await receive(end, [at("to"), "tree"], Buffer.from("Connection reset by peer, and more words"));
        assert.match(noise.report.failure?.why ?? noise.report.other, /no copy/);
        await unharmed();
      });

      it("holds little of what unpacks to very much", async function () {
        if (process.platform !== "linux") this.skip();
        // 250 MiB of zeros, from a quarter of one.
        const big = Array.from({ length: 4_000 }, () => say.data(Buffer.alloc(65_536)));
        const { child, ended } = startEnd(end, ["receive", at("to"), "tree"]);
        child.stdin?.end(deflateSync(Buffer.concat([say.begin("a"), ...big, say.whole, say.end])));
        let most = 0;
        let over = false;
        const ending = ended.finally(() => {
          over = true;
        });
        while (!over) {
          const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
          most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
          await sleep(20);
        }
        assert.equal((await ending).code, 0);
        assert.equal((await stat(at("to", "tree"))).size, 4_000 * 65_536);
        assert.ok(most > 1_000 && most < 200_000, `${most} KiB, of 256,000 that came`);
      });

      it("names twenty of what was left out, and counts the rest", async () => {
        const links = Array.from({ length: 100 }, (_, i) => say.link(`l${i}`, "/etc/passwd"));
        const { report } = await take(say.folder("tree"), ...links, say.up, say.end);
        assert.equal(report.left.length, 20);
        assert.deepEqual(report.counts, { kind: "sum", left: 100, note: 0 });
      });

      it("says what it may not write, needs no root, and comes into closed folders of its own", async function () {
        if (!isRoot) this.skip();
        await chown(at("to"), NOBODY, NOBODY);
        const asNobody = (...sent: Buffer[]) => receive(end, [at("to"), "tree"], sent, NOBODY);
        const tree = [
          say.folder("tree"),
          say.folder("sub"),
          say.file("objects", "one", 0o444),
          say.up,
          say.up,
          say.end,
        ];
        assert.equal((await asNobody(...tree)).code, 0);
        await chmod(at("to", "tree", "sub"), 0o555);
        const again = await asNobody(...tree.map((part, i) => (i === 2 ? say.file("objects", "two", 0o444) : part)));
        assert.equal(again.code, 0, again.report.failure?.why);
        assert.deepEqual(again.report.left, []);
        assert.equal(await readFile(at("to", "tree", "sub", "objects"), "utf8"), "two");
        assert.equal((await stat(at("to", "tree", "sub"))).mode & 0o777, 0o555, "and closes them again");
        // Root's own, which it may not open.
        await chown(at("to", "tree", "sub"), 0, 0);
        const refused = await asNobody(...tree);
        assert.equal(refused.code, 0);
        assert.deepEqual(refused.report.left, [{ path: "tree/sub/objects", why: "Permission denied" }]);
        await chown(at("to"), 0, 0);
        const denied = await receive(end, [at("to"), "new"], [say.file("x", "x"), say.end], NOBODY);
        assert.equal(denied.code, 1);
        assert.match(denied.report.failure?.why ?? "", /Permission denied/);
      });

      it("keeps the mode of a folder that is there, and what else is in it", async () => {
        await mkdir(at("to", "tree"));
        await chmod(at("to", "tree"), 0o700);
        await writeFile(at("to", "tree", "mine"), "mine");
        assert.equal((await take(say.folder("tree", 0o777), say.file("a", "x"), say.up, say.end)).code, 0);
        assert.equal((await stat(at("to", "tree"))).mode & 0o777, 0o700);
        assert.deepEqual((await readdir(at("to", "tree"))).sort(), ["a", "mine"]);
      });

      it("is not led outside by who is always in time", async () => {
        await mkdir(at("to", "tree"));
        const sent = [say.folder("sub"), say.file("canary", "new"), say.file("other", "new"), say.up];
        const file = say.file("file", "new");
        const fast = outrun(end, "../../outside");
        const { code, report } = await receive(
          fast,
          [at("to"), "tree"],
          [say.folder("tree"), ...sent, file, say.up, say.end],
        );
        await unharmed();
        assert.ok((await readdir(at("to", "tree"))).includes("kept-2"), "the control: somebody was there");
        if (code === 1) assert.match(report.failure?.why ?? "", /a folder was replaced while it was copied/);
        else assert.equal(await readFile(at("to", "tree", "sub", "canary"), "utf8"), "new");
      });

      it("never leaves the destination while folders are swapped for links", async () => {
        await mkdir(at("to", "tree", "sub"), { recursive: true });
        swapping = swap(at("to", "tree"), "../../outside", SEED);
        const round = [say.folder("sub"), say.file("canary", "new"), say.file("other", "new"), say.up];
        const sent = [say.folder("tree"), ...Array.from({ length: 500 }, () => Buffer.concat(round)), say.up, say.end];
        const codes: (number | null)[] = [];
        let notes = 0;
        const until = Date.now() + 3_000;
        while (codes.length < 2 || Date.now() < until) {
          const { code, report } = await take(...sent);
          codes.push(code);
          notes += report.counts?.note ?? 0;
          await unharmedOutside();
        }
        let through = false;
        for (const end = Date.now() + 60_000; Date.now() < end && !through; ) {
          // The control: who looks, and then writes by the path.
          const seen = await lstat(at("to", "tree", "sub")).catch(() => undefined);
          if (!seen?.isDirectory()) continue;
          await writeFile(at("to", "tree", "sub", "naive"), "x").catch(() => {});
          through = (await readdir(at("outside"))).includes("naive");
        }
        const swaps = await swapping.stop();
        assert.ok(swaps > 50, `${swaps} swaps, seed ${SEED}`);
        assert.ok(through, `the control, seed ${SEED}`);
        assert.ok(codes.includes(0) || name.includes("working folder"), `${codes}`);
        assert.ok(notes > 0 || codes.includes(1), "links were met");
      }).timeout(180_000);

      it("takes paths longer than the system does, and stops at a depth", async () => {
        const names = Array.from({ length: 60 }, (_, i) => `${i}-`.padEnd(200, "n"));
        const down = names.map((part) => say.folder(part));
        const long = await take(
          say.folder("tree"),
          ...down,
          say.file("deep", "x"),
          ...names.map(() => say.up),
          say.up,
          say.end,
        );
        assert.equal(long.code, 0, long.report.failure?.why);
        const found = execFileSync("find", [at("to"), "-name", "deep"], { encoding: "utf8" });
        assert.ok(found.length > 12_000, `${found.length}`);
        const deep = await take(say.folder("tree"), ...Array.from({ length: 500 }, () => say.folder("d")), say.end);
        assert.equal(deep.code, 1);
        assert.match(deep.report.failure?.why ?? "", /no copy/);
        execFileSync("rm", ["-rf", at("to")]);
      });
    });
  }

  it("on a machine, a link in what the operator has written is followed only where it is the system's own", async () => {
    const end = ENDS["on a machine"];
    assert.ok(end);
    const sent = [say.file("x", "new"), say.end];
    await symlink("../outside", at("to", "link"));
    for (const path of [at("to", "link"), at("to", "link", "canary"), at("to", "link", "new")]) {
      const { code, report } = await receive(end, [path, "canary"], sent);
      assert.equal(code, 1, path);
      assert.match(
        report.failure?.why ?? "",
        /leads through a link \(link, to \.\.\/outside\), which a session may have made/,
      );
    }
    await unharmed();
    assert.equal((await receive(end, [at("to"), "canary"], sent)).code, 0, "the control: without a link it serves");
  });

  it("on this computer, links in what the operator has written are followed", async () => {
    for (const [name, end] of Object.entries(ENDS).filter(([key]) => key.startsWith("on this computer"))) {
      await symlink("../outside", at("to", name));
      const { code } = await receive(end, [at("to", name), "file"], [say.file("x", name), say.end]);
      assert.equal(code, 0);
      assert.equal(await readFile(at("outside", "file"), "utf8"), name);
      await symlink("../outside/file", at("to", `${name} 2`));
      assert.equal((await receive(end, [at("to", `${name} 2`), "file"], [say.file("x", "2"), say.end])).code, 0);
      assert.equal(await readFile(at("outside", "file"), "utf8"), "2");
      assert.ok((await lstat(at("to", `${name} 2`))).isSymbolicLink());
    }
  });
});
