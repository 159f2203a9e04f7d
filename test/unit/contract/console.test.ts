import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import fc from "fast-check";
import {
  CONSOLE,
  type ConsoleLine,
  consoleLine,
  parseConsoleLine,
  reportLine,
  unpackedReport,
} from "../../../contract/console.ts";
import type { Report } from "../../../contract/report.ts";

const ROOT = join(import.meta.dirname, "../../..");

describe("lines of the console", () => {
  it("are read as they were written", () => {
    const lines: ConsoleLine[] = [
      { kind: "ready" },
      { kind: "failed", why: "S6 capabilities: not all are 0" },
      { kind: "failed", why: "it said: cloister: ready" },
      { kind: "progress", line: "life cycle: the group was told" },
      { kind: "progress", line: "readying the disk" },
    ];
    for (const line of lines) {
      assert.ok(line.kind !== "report");
      for (const before of ["", "[   30.123456] "])
        for (const end of ["", "\r"]) assert.deepEqual(parseConsoleLine(before + consoleLine(line) + end), line);
    }
  });

  const reportOf = (line: string): string | undefined => {
    const read = parseConsoleLine(line);
    return read?.kind === "report" ? unpackedReport(read.packed) : assert.fail(line);
  };

  it("hold a report, or tell that it was torn", () => {
    const report = { ok: true, rows: [] } as unknown as Report;
    const line = reportLine(report);
    assert.equal(reportOf(line), JSON.stringify(report));
    assert.equal(reportOf(`${line.slice(0, 30)}[   31.0] a message of the kernel${line.slice(30)}`), undefined);
  });

  it("unpack to no more than a report's size, whatever was packed", () => {
    const packed = (bytes: number): string =>
      `cloister: report ${gzipSync(Buffer.alloc(bytes, 32)).toString("base64")}`;
    assert.equal(reportOf(packed(1 << 20)), " ".repeat(1 << 20));
    assert.equal(reportOf(packed(100 << 20)), undefined);
  });

  it("are ready also where the kernel's next message follows at once, and never by a word that only begins so", () => {
    assert.deepEqual(parseConsoleLine("cloister: ready[   31.000001] nvme0n1: p1"), { kind: "ready" });
    for (const line of ["cloister: readying", "cloister: ready to be tried", "ready", "cloister:ready"])
      assert.notEqual(parseConsoleLine(line)?.kind, "ready", line);
  });

  it("are one line each, of bounded length, whatever is told", () => {
    fc.assert(
      fc.property(fc.string(), (why) => {
        const line = consoleLine({ kind: "failed", why });
        assert.ok(!/[\r\n]/.test(line) && line.length <= 900);
        assert.equal(parseConsoleLine(line)?.kind, "failed");
      }),
    );
    assert.equal(consoleLine({ kind: "failed", why: "x".repeat(5_000) }).length, 900);
  });

  it("of others are none of ours", () => {
    for (const line of ["", "[    0.0] Linux version 6.8.0", "login: ", "         Starting x - cloister: all sessions"])
      assert.equal(parseConsoleLine(line), undefined, line);
  });

  describe("that the shell writes", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-lines-"));
      await mkdir(join(folder, "dev"));
      await mkdir(join(folder, "run"));
      await writeFile(join(folder, "dev/console"), "");
    });
    afterEach(() => rm(folder, { recursive: true }));

    const written = async () => (await readFile(join(folder, "dev/console"), "utf8")).trim().split("\n");
    const shell = async (script: string, env: Record<string, string> = {}) =>
      await execa("sh", ["-c", script], { cwd: ROOT, env, reject: false, stdin: "ignore" });

    it("on a machine: lib.sh", async () => {
      const env = { CLOISTER_CONSOLE: join(folder, "dev/console"), CLOISTER_RUN: join(folder, "run") };
      const lines: string[] = [];
      for (const call of ["say 'formatting it'", "notice 'a word'", "stop 'no session disk: none'"]) {
        // Each call by itself: a file, unlike the console, is begun anew.
        const { stdout } = await shell(`. guest/boot/lib.sh; ${call}`, env);
        assert.equal(stdout, (await written()).join("\n"), "the journal has the same");
        lines.push(...(await written()));
      }
      assert.deepEqual(lines, [
        consoleLine({ kind: "progress", line: "formatting it" }),
        consoleLine({ kind: "progress", line: "a word" }),
        consoleLine({ kind: "failed", why: "no session disk: none" }),
      ]);
    });

    it("before there is a runtime image: boot.sh", async () => {
      // Its functions alone: what they are called for is tested beside it (test/unit/cloud-init/boot.test.ts).
      const text = await readFile(join(ROOT, "cloud-init/files/boot.sh"), "utf8");
      const functions = ["say", "fail"].map(
        (name) => new RegExp(`^${name}\\(\\) \\{\\n[\\s\\S]*?^\\}$`, "m").exec(text)?.[0],
      );
      assert.ok(functions.every((one) => one !== undefined));
      await shell(`${functions.join("\n")}\nsay 'starting again'; fail 'no NVMe disk'`, { ROOT: folder });
      assert.deepEqual(await written(), [
        consoleLine({ kind: "progress", line: "starting again" }),
        consoleLine({ kind: "failed", why: "no NVMe disk" }),
      ]);
    });

    it("when even that was killed: cloister-boot.service", async () => {
      const unit = await readFile(join(ROOT, "cloud-init/files/cloister-boot.service"), "utf8");
      const [, script = ""] = /^ExecStopPost=\/bin\/sh -c '(.*)'$/m.exec(unit) ?? [];
      assert.ok(script.includes(`>${CONSOLE}`));
      const here = script.replace(CONSOLE, join(folder, "dev/console"));
      await shell(here, { SERVICE_RESULT: "success" });
      assert.deepEqual(await written(), [""]);
      await shell(here, { SERVICE_RESULT: "timeout" });
      assert.deepEqual(await written(), [consoleLine({ kind: "failed", why: "cloister-boot.service: timeout" })]);
    });

    it("nowhere else", async () => {
      const { stdout } = await execa(
        "git",
        ["grep", "-l", CONSOLE, "--", "guest", "cloud-init", "infra", "cli", "contract"],
        {
          cwd: ROOT,
        },
      );
      assert.deepEqual(stdout.split("\n").sort(), [
        "cloud-init/files/boot.sh",
        "cloud-init/files/cloister-boot.service",
        "contract/console.ts",
        "guest/boot/lib.sh",
      ]);
    });
  });
});
