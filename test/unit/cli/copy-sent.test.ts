import assert from "node:assert/strict";
import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { constants, inflateSync } from "node:zlib";
import { ENDS, entriesOf, outrun, send, startEnd } from "../../support/operator/copy-ends.ts";
import { type Swapping, swap } from "../../support/operator/swap.ts";

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const SEED = Number(process.env["CLOISTER_TEST_SEED"] ?? Date.now() % 1_000_000);
const SECRET = "what nobody shall see";

describe("what a copy sends", function () {
  this.timeout(60_000);
  this.slow(20_000);
  let folder: string;
  let swapping: Swapping | undefined;
  const at = (...parts: string[]): string => join(folder, ...parts);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-cp-sent-"));
    await chmod(folder, 0o755);
    await mkdir(at("tree", "sub"), { recursive: true });
    await mkdir(at("outside"));
    await writeFile(at("outside", "canary"), SECRET);
    await writeFile(at("tree", "file"), "one");
  });
  afterEach(async () => {
    await swapping?.stop();
    swapping = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  for (const [name, end] of Object.entries(ENDS)) {
    describe(name, () => {
      it("sends content, modes and times of files, and links as links", async () => {
        await chmod(at("tree", "file"), 0o6755);
        await utimes(at("tree", "file"), 1_600_000_000, 1_600_000_000);
        await link(at("tree", "file"), at("tree", "hard"));
        await symlink("../../outside", at("tree", "sub", "l"));
        await symlink("../outside/canary", at("tree", "secret"));
        const { code, entries, stdout } = await send(end, at("tree"));
        assert.equal(code, 0);
        const paths = ["tree", "tree/file", "tree/hard", "tree/secret", "tree/sub", "tree/sub/l"];
        assert.deepEqual([...entries.keys()].sort(), paths);
        for (const file of ["tree/file", "tree/hard"]) {
          const entry = entries.get(file);
          assert.equal(entry?.content.toString(), "one", "a hard link is a file");
          assert.equal(entry?.mode, 0o6755);
          assert.equal(entry?.mtime, 1_600_000_000_000_000_000n);
        }
        assert.equal(entries.get("tree/sub/l")?.content.toString(), "../../outside");
        assert.ok(!inflateSync(stdout).includes(SECRET), "no link is followed");
        assert.ok((await readFile(at("tree", "secret"), "utf8")).includes(SECRET), "the control: a path follows it");
      });

      it("leaves out what is neither file nor folder, without waiting for it, and says so", async () => {
        execFileSync("mkfifo", [at("tree", "fifo")]);
        const server = createServer().listen(at("tree", "socket"));
        if (isRoot) execFileSync("mknod", [at("tree", "device"), "c", "1", "5"]);
        const { code, report, entries } = await send(end, at("tree"));
        server.close();
        assert.equal(code, 0);
        const left = [
          ...(isRoot ? [{ path: "tree/device", why: "a device" }] : []),
          { path: "tree/fifo", why: "a named pipe" },
          { path: "tree/socket", why: "a socket" },
        ];
        assert.deepEqual(
          report.left.toSorted((a, b) => a.path.localeCompare(b.path)),
          left,
        );
        assert.deepEqual(report.counts, { kind: "sum", left: left.length, note: 0 });
        assert.equal(entries.get("tree/file")?.content.toString(), "one", "the control: the file is there");
        const named = await send(end, at("tree", "fifo"));
        assert.equal(named.code, 1);
        assert.match(named.report.failure?.why ?? "", /fifo is a named pipe/);
      });

      if (end.env?.["CLOISTER_COPY_WAY"] !== "working folder") {
        it("sends no terabytes of holes where sessions write, and says so", async () => {
          // On the operator's computer nobody else makes files; a container has the end of this computer, with strict rules.
          const strict = { ...end, env: { ...end.env, CLOISTER_COPY_STRICT: "1" } };
          await writeFile(at("tree", "little"), "");
          await truncate(at("tree", "little"), 2 ** 20);
          await writeFile(at("tree", "much"), "");
          await truncate(at("tree", "much"), 2 ** 41);
          const { code, report, entries } = await send(strict, at("tree"));
          assert.equal(code, 0);
          assert.deepEqual(
            report.left.map(({ path }) => path),
            ["tree/much"],
          );
          assert.match(
            report.left[0]?.why ?? "",
            /with holes and hard links the copy would be more than 16 GiB larger/,
          );
          assert.equal(entries.get("tree/little")?.content.length, 2 ** 20, "control: a little of them is sent");
        });

        it("sends no file under so many names that it fills the other side's disk, and says so", async () => {
          const few = {
            ...end,
            env: { ...end.env, CLOISTER_COPY_STRICT: "1", CLOISTER_COPY_EXTRA: `${16 * 2 ** 20}` },
          };
          await writeFile(at("tree", "0"), randomBytes(2 ** 20));
          const names = Array.from({ length: 4 }, (_, i) => `tree/${i}`);
          for (const name of names.slice(1)) await link(at("tree", "0"), at(name));
          const sent = async () => {
            const { code, report, entries } = await send(few, at("tree"));
            assert.equal(code, 0);
            const bytes = [...entries.values()].reduce((sum, { content }) => sum + content.length, 0);
            return { report, entries, mib: bytes / 2 ** 20 };
          };
          const some = await sent();
          assert.deepEqual(
            names.map((name) => some.entries.get(name)?.content.length),
            names.map(() => 2 ** 20),
            "control: a few names are sent",
          );
          for (let i = 4; i < 100; i++) await link(at("tree", "0"), at("tree", `${i}`));
          const many = await sent();
          assert.ok(many.mib < 18, `${many.mib} MiB of one`);
          assert.equal(many.report.counts?.left, 83);
          assert.match(many.report.left[0]?.why ?? "", /with holes and hard links the copy would be more than/);
        });

        const strictly = (more: NodeJS.ProcessEnv) => ({
          ...end,
          env: { ...end.env, CLOISTER_COPY_STRICT: "1", CLOISTER_COPY_EXTRA: `${16 * 2 ** 20}`, ...more },
        });

        it("sends all files that have other names outside, since the copy is no larger than they are", async () => {
          for (let i = 0; i < 24; i++) {
            await writeFile(at("tree", `${i}`), randomBytes(2 ** 20));
            for (let n = 0; n < 4; n++) await link(at("tree", `${i}`), at("outside", `${i}-${n}`));
          }
          const { code, report, entries } = await send(strictly({}), at("tree"));
          assert.equal(code, 0);
          assert.deepEqual(report.left, []);
          const bytes = [...entries.values()].reduce((sum, { content }) => sum + content.length, 0);
          assert.equal(bytes, 24 * 2 ** 20 + "one".length);
        });

        it("counts each name's part of a file where too many files have several names", async () => {
          for (let i = 0; i < 3; i++) await writeFile(at("tree", `${i}`), randomBytes(2 ** 20));
          for (let n = 0; n < 99; n++)
            for (let i = 0; i < 3; i++) await link(at("tree", `${i}`), at("tree", "sub", `${i}-${n}`));
          const sent = async (more: NodeJS.ProcessEnv) => {
            const { entries } = await send(strictly(more), at("tree"));
            return [...entries.values()].reduce((sum, { content }) => sum + content.length, 0) / 2 ** 20;
          };
          const forgetful = await sent({ CLOISTER_COPY_REMEMBERED: "1" });
          assert.ok(forgetful < 19, `${forgetful} MiB of three`);
          const mib = await sent({});
          assert.ok(mib > 18.9 && mib < 19.1, `control: ${mib} MiB, with all remembered`);
        });
      }

      it("says what it may not read, and needs no root", async function () {
        if (!isRoot) this.skip();
        await chmod(at("tree", "sub"), 0o700);
        await writeFile(at("tree", "closed"), "x", { mode: 0o600 });
        const { code, report, entries } = await send(end, at("tree"), NOBODY);
        assert.equal(code, 0);
        assert.deepEqual(report.left.map(({ path, why }) => `${path}: ${why}`).sort(), [
          "tree/closed: Permission denied",
          "tree/sub: Permission denied",
        ]);
        assert.deepEqual([...entries.keys()].sort(), ["tree", "tree/file"]);
        const denied = await send(end, at("tree", "closed"), NOBODY);
        assert.equal(denied.code, 1);
        assert.match(denied.report.failure?.why ?? "", /closed: Permission denied/);
        // A folder that is only passed through need not be readable.
        await chmod(at("tree"), 0o711);
        assert.equal((await send(end, at("tree", "file"), NOBODY)).code, 0);
      });

      it("sends names of any bytes", async function () {
        if (process.platform !== "linux") this.skip();
        const odd = ["\xff\xfe", "\x1b[31m\n", "-rf", "~", "a\\b", "\xc3\xbc"].sort();
        for (const one of odd)
          await writeFile(Buffer.concat([Buffer.from(at("tree", "sub/")), Buffer.from(one, "latin1")]), "x");
        const { entries } = await send(end, at("tree", "sub"));
        assert.deepEqual([...entries.keys()].sort(), ["sub", ...odd.map((one) => `sub/${one}`)].sort());
      });

      it("warns of a file that grows while it is read, and sends what it was", async () => {
        const file = at("tree", "log");
        const before = randomBytes(4 << 20);
        await writeFile(file, before);
        const { child, ended } = startEnd(end, ["send", file]);
        child.stdin?.end();
        await stalled(child, at("tree"));
        await appendFile(file, randomBytes(4 << 20));
        child.stdout?.resume();
        const { code, stdout, report } = await ended;
        assert.equal(code, 0);
        assert.ok(entriesOf(inflateSync(stdout)).get("log")?.content.equals(before));
        assert.deepEqual(report.notes, [{ path: "log", why: "it changed while it was read" }]);
        const quiet = await send(end, at("tree", "file"));
        assert.deepEqual(quiet.report.notes, [], "the control: one that rests is no warning");
      });

      it("warns of a file that shrinks, and of files that vanish", async () => {
        await mkdir(at("many"));
        const noise = randomBytes(1 << 20);
        const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
        for (const one of names) await writeFile(at("many", one), noise);
        const { child, ended } = startEnd(end, ["send", at("many")]);
        child.stdin?.end();
        const opened = await stalled(child, at("many"));
        for (const one of names) await (one === opened ? writeFile(at("many", one), "") : unlink(at("many", one)));
        child.stdout?.resume();
        const { code, report } = await ended;
        assert.equal(code, 0);
        const notes = report.notes.map(({ path, why }) => `${path}: ${why}`).sort();
        assert.deepEqual(notes.filter((note) => note.includes("vanished")).length, names.length - 1, notes.join("\n"));
        const changed = notes.filter((note) => note.includes("changed while it was read"));
        if (opened !== undefined) assert.deepEqual(changed, [`many/${opened}: it changed while it was read`]);
      });

      for (const what of ["sub", "file"]) {
        it(`is not led outside by who is always in time: ${what}`, async () => {
          await mkdir(at("swapped"));
          if (what === "sub") await mkdir(at("swapped", "sub"));
          else await writeFile(at("swapped", "file"), "fine");
          // The working folder is the only way that looks twice at a folder.
          const looks = what === "sub" && name.endsWith("working folder") ? 2 : 1;
          const target = what === "sub" ? "../outside" : "../outside/canary";
          const { code, stdout, report } = await send(outrun(end, target, looks), at("swapped"));
          const secret = what === "sub" ? at("swapped", "sub", "canary") : at("swapped", "file");
          assert.equal(await readFile(secret, "utf8"), SECRET, "the control: there is a link now");
          if (code === 0) {
            assert.ok(!inflateSync(stdout).includes(SECRET));
            assert.deepEqual(report.left, [{ path: `swapped/${what}`, why: "it was replaced while it was copied" }]);
          } else {
            assert.match(report.failure?.why ?? "", /a folder was replaced while it was copied/);
            const sent = inflateSync(stdout, { finishFlush: constants.Z_SYNC_FLUSH });
            assert.ok(!sent.includes(SECRET) && !sent.includes("canary"));
          }
        });
      }

      it("never leaves the tree while folders are swapped for links", async () => {
        await mkdir(at("tree", "sub", "deep"));
        for (let i = 0; i < 50; i++) await mkdir(at("tree", `sub${i}`));
        await mkdir(at("outside", "deep"));
        await writeFile(at("outside", "deep", "canary"), SECRET);
        await writeFile(at("tree", "sub", "canary"), "fine");
        swapping = swap(at("tree"), "../outside", SEED);
        let seen = "";
        let naive = false;
        const until = Date.now() + 3_000;
        const both = () => naive && seen.includes("canary");
        for (let round = 0; round < 3 || Date.now() < until || (!both() && round < 40); round++) {
          const { stdout, code } = await send(end, at("tree"));
          if (code === 0) seen += inflateSync(stdout).toString("latin1");
          else assert.equal(code, 1);
          naive ||= await follows(at("tree", "sub", "canary"));
        }
        for (const late = Date.now() + 10_000; Date.now() < late && !naive; ) {
          naive = await follows(at("tree", "sub", "canary"));
        }
        const swaps = await swapping.stop();
        assert.ok(swaps > 50, `${swaps} swaps, seed ${SEED}`);
        assert.ok(naive, "the control: a path leads outside at times");
        assert.ok(seen.includes("canary"), "the control: the folder is sent at times");
        assert.ok(!seen.includes(SECRET));
      });
    });
  }

  it("on a machine, follows the system's own links and no others", async () => {
    const end = ENDS["on a machine"];
    assert.ok(end);
    await symlink("outside", at("link"));
    for (const path of [at("link"), at("link", "canary")]) {
      const { code, report } = await send(end, path);
      assert.equal(code, 1);
      assert.match(report.failure?.why ?? "", /which a session may have made: name the place itself/);
    }
    assert.equal((await send(end, at("outside"))).code, 0, "the control: the place itself");
    if (process.platform === "linux") {
      const { code, report } = await send(end, "/proc/self/root/etc");
      assert.equal(code, 1);
      assert.match(report.failure?.why ?? "", /leads through a link/);
      // /var/run leads to /run wherever systemd is used; /etc/mtab into /proc, whose links are not the system's own.
      const own = execFileSync("sh", ["-c", "if [ -L /bin ] && [ -L /bin/sh ]; then echo yes; fi"], {
        encoding: "utf8",
      });
      if (own === "yes\n") assert.equal((await send(end, "/bin/sh")).code, 0);
    }
  });

  it("on this computer, follows links in what the operator has written", async () => {
    await symlink("outside", at("own"));
    for (const [name, end] of Object.entries(ENDS).filter(([key]) => key.startsWith("on this computer"))) {
      const { entries } = await send(end, at("own"));
      assert.equal(entries.get("outside/canary")?.content.toString(), SECRET, name);
    }
  });
});

async function follows(path: string): Promise<boolean> {
  return (await readFile(path, "utf8").catch(() => "")) === SECRET;
}

/**
 * Takes nothing of what an end sends, until it waits, in a file that does not fit into a pipe.
 *
 * @returns the file's name, where the system tells it
 */
async function stalled(child: ChildProcess, folder: string): Promise<string | undefined> {
  child.stdout?.pause();
  let opened: string | undefined;
  for (let i = 0; i < 3000 && opened === undefined; i++) {
    await sleep(10);
    if (process.platform === "linux") opened = await openFile(child.pid, folder);
    else if (i > 300) break;
  }
  // It may still be filling the pipe.
  await sleep(500);
  return opened;
}

/** Which file of a folder a process has open. */
async function openFile(pid: number | undefined, folder: string): Promise<string | undefined> {
  const links = `/proc/${pid}/fd`;
  for (const fd of await readdir(links).catch(() => [])) {
    const path = await readlink(join(links, fd)).catch(() => "");
    if (path.startsWith(`${folder}/`)) return path.slice(folder.length + 1);
  }
  return undefined;
}
