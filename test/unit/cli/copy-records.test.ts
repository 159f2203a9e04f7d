import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { isProper, RecordReader, record, staysInside } from "../../../cli/copy/records.ts";
import { describeReport, ReportReader, reportOf } from "../../../cli/copy/report.ts";
import { shown, textOf } from "../../../cli/copy/text.ts";
import { showProgress } from "../../../cli/progress.ts";

describe("records of a copy", function () {
  this.timeout(60_000);
  this.slow(10_000);
  it("are read as they were written, however they arrive", () => {
    const sent = [record("d", Buffer.from("one")), record("u"), record("b", randomBytes(70_000)), record("z")];
    const whole = Buffer.concat(sent);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 20 }), (sizes) => {
        const reader = new RecordReader();
        const read: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, whole.length]) {
          for (const { letter, data } of reader.read(whole.subarray(at, at + size))) {
            read.push(record(letter as "d", data));
          }
          at = Math.min(whole.length, at + size);
        }
        assert.ok(Buffer.concat(read).equals(whole));
      }),
      { numRuns: 30 },
    );
  });

  it("names are proper when they stay in their folder", () => {
    for (const good of ["a", "-", "...", ".a", "a..b", "\n", "é", "n".repeat(255)])
      assert.ok(isProper(Buffer.from(good)));
    for (const bad of ["", ".", "..", "/", "a/b", "a\0", "n".repeat(256)]) assert.ok(!isProper(Buffer.from(bad)), bad);
  });

  it("links that are taken lead nowhere else, whatever other links there are", () => {
    const root = mkdtempSync(join(realpathSync(tmpdir()), "cloister-cp-links-"));
    const part = fc.constantFrom("..", "..", "..", "a", "b", "l0", "l1", "l2");
    const target = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
    const where = fc.constantFrom("", "a", "a/b");
    let taken = 0;
    let escapes = 0;
    let run = 0;
    try {
      fc.assert(
        fc.property(fc.array(fc.tuple(where, target), { minLength: 3, maxLength: 3 }), (links) => {
          // The tree, so deep that what leads out of it ends in a folder of the test's.
          const top = join(root, `${run++}`, "o", "o", "o", "o", "tree");
          mkdirSync(join(top, "a", "b"), { recursive: true });
          const made = (judged: boolean) =>
            links.flatMap(([folder, to], i) => {
              const depth = folder === "" ? 0 : folder.split("/").length;
              if (to === "" || (judged && !staysInside(Buffer.from(to), depth))) return [];
              const path = join(top, folder, `l${i}`);
              symlinkSync(to, path);
              return [path];
            });
          const outside = (path: string) => {
            try {
              return !`${realpathSync(path)}/`.startsWith(`${top}/`);
            } catch {
              return false;
            }
          };
          const paths = made(true);
          taken += paths.length;
          for (const path of paths) assert.ok(!outside(path), path);
          rmSync(join(top), { recursive: true });
          mkdirSync(join(top, "a", "b"), { recursive: true });
          escapes += made(false).filter(outside).length;
        }),
        { numRuns: 80 },
      );
    } finally {
      rmSync(root, { recursive: true });
    }
    assert.ok(taken > 20, "the control: some are taken");
    assert.ok(escapes > 5, `the control: some lead out: ${escapes}`);
  });
});

describe("what is said of a copy", () => {
  it("is safe on a terminal", () => {
    assert.equal(shown("plain name, ü 世 $(x)"), "plain name, ü 世 $(x)");
    assert.equal(shown("\u001b]0;x\u0007\r\n\t\\"), "\\x1b]0;x\\x07\\r\\n\\t\\\\");
    assert.equal(
      shown("a\u202egpj.exe\u200b\u2028\u0085\u{e0041}"),
      "a\\u{202e}gpj.exe\\u{200b}\\u{2028}\\u{85}\\u{e0041}",
    );
    assert.equal(shown(textOf(Buffer.from("caf\xe9", "latin1"))), "caf\\xe9");
    assert.equal(textOf(Buffer.from("é")), "é");
  });

  it("by a machine is bounded, and only shown", () => {
    const end = new ReportReader();
    const left = JSON.stringify({ kind: "left", path: "a\u001b[2J", why: "b\u0007" });
    end.write(`${left}\n`.repeat(50));
    end.write(`${"x".repeat(100_000)}\n`.repeat(3));
    end.write('{"kind":"left","path":1}\n{"kind":"sum","left":-1,"note":0}\n{"kind":"sum","left":50,"note":0}\n');
    assert.equal(end.left.length, 20);
    assert.ok(end.other.length <= 4_096);
    const lines = describeReport(reportOf([end]));
    assert.deepEqual(lines.slice(0, 2), ["left out: 50", "  a\\x1b[2J: b\\x07"]);
    assert.equal(lines.at(-1), "  and 30 more");
    assert.equal(lines.length, 22);
    assert.deepEqual(describeReport(reportOf([])), [], "nothing is said of nothing");
  });

  it("shows how far it is: in one line on a terminal, in lines now and then elsewhere", () => {
    for (const [isTTY, expected] of [
      [false, ["cloister: a\\x07b: 2.0 MiB (compressed), 0.2 MiB/s\n"]],
      [
        true,
        [
          "\ra\\x07b: 2.0 MiB (compressed), 0.2 MiB/s\u001b[K",
          "\ra\\x07b: 2.0 MiB (compressed), 0.2 MiB/s\u001b[K",
          "\n",
        ],
      ],
    ] as const) {
      const said: string[] = [];
      let now = 0;
      const screen = { isTTY, columns: 80, write: (text: string) => said.push(text) };
      const progress = showProgress("a\u0007b", screen, () => now);
      progress.moved(1 << 20);
      now = 10_001;
      progress.moved(1 << 20);
      progress.end();
      progress.end();
      assert.deepEqual(said, expected);
    }
  });

  it("leaves no line of a few bytes on a terminal", () => {
    const said: string[] = [];
    const progress = showProgress("a", { isTTY: true, write: (text: string) => said.push(text) }, () => 0);
    progress.moved(1_000);
    progress.end();
    assert.deepEqual(said, ["\r\u001b[K"]);
  });
});
