import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import zlib from "node:zlib";
import { reportLine } from "../../../../contract/console.ts";
import type { Report } from "../../../../contract/report.ts";
import { bootStateOf } from "../../../../infra/local/host/boot-state.ts";
import { followConsole, readConsoleLine } from "../../../../infra/local/steps/console.ts";
import { REPOSITORY } from "../../../../rehearsal/project-copy.ts";

describe("the serial console", () => {
  const read = (line: string) => readConsoleLine(line, new Set());

  it("tells ready from not ready", () => {
    assert.deepEqual(read("[   30.1] cloister: ready"), { kind: "ready" });
    assert.deepEqual(read("cloister: not ready: no NVMe disk with serial x\r"), {
      kind: "failed",
      why: "no NVMe disk with serial x",
    });
  });

  it("takes nothing for the machine's word that systemd says of a unit, in one line or broken in two", () => {
    assert.deepEqual(read("[   30.1] cloister: session disk checked"), {
      kind: "progress",
      line: "session disk checked",
    });
    assert.deepEqual(read("cloister: session disk checked"), { kind: "progress", line: "session disk checked" });
    assert.equal(read("[  OK  ] Created slice cloister.slice - cloister: all sessions of this machine."), undefined);
    assert.equal(read("         Starting cloister-verify.servi\u2026 cloister: hold this machine"), undefined);
    for (const folder of ["guest/units", "cloud-init/files"]) {
      for (const name of readdirSync(join(REPOSITORY, folder))) {
        const [, description = ""] =
          /^Description=(.*)$/m.exec(readFileSync(join(REPOSITORY, folder, name), "utf8")) ?? [];
        assert.equal(read(description), undefined, `${name}: as the rest of a line that was broken`);
      }
    }
  });

  it("gives words in which nothing acts on a terminal", () => {
    const evil = "\x1b]52;c;ZXZpbA==\x07\x1b[2J";
    assert.deepEqual(read(`cloister: ${evil}`), { kind: "progress", line: "\\x1b]52;c;ZXZpbA==\\x07\\x1b[2J" });
    for (const line of [`cloister: not ready: ${evil}`, `Kernel panic - not syncing: ${evil}`]) {
      const found = read(line);
      assert.ok(found?.kind === "failed" && found.why.includes("\\x1b") && !found.why.includes("\x1b"), line);
    }
  });

  it("knows a kernel panic", () => {
    assert.deepEqual(read("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs"), {
      kind: "failed",
      why: "Kernel panic - not syncing: VFS: Unable to mount root fs",
    });
  });

  it("tells each milestone once", () => {
    const told = new Set<string>();
    assert.deepEqual(readConsoleLine("[    0.0] Linux version 6.12", told), {
      kind: "progress",
      line: "kernel started",
    });
    assert.equal(readConsoleLine("[    0.0] Linux version 6.12", told), undefined);
  });

  it("knows how far the system is", () => {
    for (const [line, step] of [
      ["BdsDxe: starting Boot0002 from PciRoot", "firmware found the boot loader"],
      ["[    2.1] systemd[1]: systemd 257 running in system mode (+PAM)", "system is starting"],
      ["Welcome to Debian GNU/Linux 13 (trixie)!", "system is starting"],
      ["[    9.1] cloud-init[612]: Cloud-init v. 25.1 running 'init' at Mon", "cloud-init is running"],
      ["[   19.1] cloud-init[700]: Cloud-init v. 25.1 finished at Mon", "cloud-init has finished"],
    ] as const) {
      assert.deepEqual(read(line), { kind: "progress", line: step });
      assert.deepEqual(bootStateOf(`a line\r\n${line}\r\nanother\n`), { kind: "booting", step });
    }
    for (const line of ["running in system mode systemd[1]: ", "cloud-init[1]: Cloud-init", "Cloud-init 1 finished"])
      assert.equal(read(line), undefined, line);
  });

  it("is read as fast where a line begins thousands of times like the system's", () => {
    const took = (text: string): number => {
      const start = performance.now();
      bootStateOf(text);
      return performance.now() - start;
    };
    const long = 1 << 18;
    took(`cloister: ${"a ".repeat(long / 2)}\n`);
    const plain = took(`cloister: ${"a ".repeat(long / 2)}\n`);
    for (const unit of ["systemd[1]: ", "cloud-init[1]: Cloud-init ", "cloister: ", "Linux version ", "BdsDxe: "]) {
      const hostile = took(`${unit.repeat(long / unit.length)}\n`);
      assert.ok(hostile < 50 * Math.max(plain, 10), `${unit}: ${hostile} ms, and ${plain} ms for plain words`);
    }
  });

  it("gives no longer words than some that we would write, however long the line", () => {
    for (const mark of ["cloister: ", "cloister: not ready: ", "Kernel panic - not syncing: "]) {
      const found = read(mark + "a".repeat(1 << 17));
      assert.ok(found?.kind === "failed" || found?.kind === "progress");
      const words = found.kind === "failed" ? found.why : found.line;
      assert.ok(words.length <= 4_096 && words.endsWith("a".repeat(900)), `${words.length}`);
    }
  });

  it("has no report unpacked that nobody wants, however many there are", async () => {
    const unpack = zlib.gunzipSync;
    let unpacked = 0;
    zlib.gunzipSync = (...args) => {
      unpacked += 1;
      return unpack(...args);
    };
    syncBuiltinESMExports();
    const folder = await mkdtemp(join(tmpdir(), "cloister-console-"));
    try {
      const text = `${reportLine({ ok: true, rows: [] } as unknown as Report)}\n`.repeat(100);
      assert.deepEqual(bootStateOf(`${text}cloister: ready\n`), { kind: "ready" });
      assert.equal(unpacked, 0);
      const paths = { console: join(folder, "console.log"), qemuLog: join(folder, "qemu.log") };
      await writeFile(paths.console, `${text}cloister: ready\n`);
      const report = await followConsole(
        paths,
        () => true,
        AbortSignal.timeout(10_000),
        () => {},
      );
      assert.deepEqual(JSON.parse(report ?? ""), { ok: true, rows: [] });
      assert.equal(unpacked, 1, "the control: the one that is wanted");
    } finally {
      zlib.gunzipSync = unpack;
      syncBuiltinESMExports();
      await rm(folder, { recursive: true });
    }
  });

  describe("followed", () => {
    let dir: string;
    let paths: { console: string; qemuLog: string };
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), "cloister-console-"));
      paths = { console: join(dir, "console.log"), qemuLog: join(dir, "qemu.log") };
      await writeFile(paths.console, "");
    });
    afterEach(() => rm(dir, { recursive: true }));
    const never = new AbortController().signal;

    it("ends when the machine is ready, also when the line comes in pieces", async () => {
      const done = followConsole(
        paths,
        () => true,
        never,
        () => {},
      );
      await appendFile(paths.console, "cloister: re");
      await new Promise((resolve) => setTimeout(resolve, 250));
      await appendFile(paths.console, "ady\n");
      await done;
    });

    it("gives the report, when it came whole", async () => {
      const follow = async () =>
        await followConsole(
          paths,
          () => true,
          never,
          () => {},
        );
      const text = reportLine({ ok: true, rows: [] } as unknown as Report);
      await writeFile(paths.console, `${text}\r\ncloister: ready\r\n`);
      assert.deepEqual(JSON.parse((await follow()) ?? ""), { ok: true, rows: [] });
      await writeFile(paths.console, `${text.slice(0, 40)}[   31.2] a kernel message\ncloister: ready\n`);
      assert.equal(await follow(), undefined);
      await writeFile(paths.console, `${text}\ncloister: not ready: S6\n`);
      await assert.rejects(follow(), { name: "NotReadyError", report: JSON.stringify({ ok: true, rows: [] }) });
    });

    it("is read to its end in bounded time and memory, where a machine writes a line without one", async () => {
      await writeFile(paths.console, `${"a".repeat(64 << 20)}\ncloister: ready\n`);
      const before = process.memoryUsage().heapUsed;
      await followConsole(
        paths,
        () => true,
        AbortSignal.timeout(10_000),
        () => {},
      );
      assert.ok(process.memoryUsage().heapUsed - before < 64 << 20);
    });

    it("is read from its beginning again when that was cut away", async () => {
      const said: string[] = [];
      await writeFile(paths.console, `${"a line\n".repeat(10_000)}cloister: a word\n`);
      const done = followConsole(
        paths,
        () => true,
        AbortSignal.timeout(10_000),
        (line) => said.push(line),
      );
      while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await writeFile(paths.console, "cloister: ready\n");
      await done;
    });

    it("is told in so many lines and no more, however much a machine says", async () => {
      const said: string[] = [];
      const follow = async (lines: number): Promise<void> => {
        said.length = 0;
        await writeFile(paths.console, `${"cloister: a word\n".repeat(lines)}cloister: ready\n`);
        await followConsole(
          paths,
          () => true,
          AbortSignal.timeout(10_000),
          (line) => said.push(line),
        );
      };
      await follow(900);
      assert.equal(said.length, 900, "the control");
      await follow(50_000);
      assert.equal(said.length, 1_000);
      assert.match(said.at(-1) ?? "", /says more, which is in .*console\.log$/);
    });

    it("fails when QEMU ends", async () => {
      await assert.rejects(
        followConsole(
          paths,
          () => false,
          never,
          () => {},
        ),
        /QEMU ended while the machine was starting/,
      );
    });

    it("reads what was written last before QEMU ended", async () => {
      await appendFile(paths.console, "cloister: not ready: the session disk is not ours\n");
      await assert.rejects(
        followConsole(
          paths,
          () => false,
          never,
          () => {},
        ),
        /the session disk is not ours/,
      );
    });

    it("stops when it is told to", async () => {
      await assert.rejects(
        followConsole(
          paths,
          () => true,
          AbortSignal.timeout(200),
          () => {},
        ),
        { name: "TimeoutError" },
      );
    });
  });
});
