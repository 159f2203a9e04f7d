import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { Neutral, neutral } from "../../../../guest/lib/neutral.ts";
import { logFiles, logStatus, readLog, removeLog, SessionLog } from "../../../../guest/sessions/log.ts";
import { describeDetached } from "../../../../guest/sessions/text.ts";

describe("the log of a detached run", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-log-test-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const options = () => ({ root: join(root, "logs"), half: 1000 });
  const read = async (goesOn = async () => false): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of readLog("calm-tu", goesOn, { root: options().root, pollMs: 5 })) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  it("keeps the newest output, and never more than twice a half", async () => {
    const log = await SessionLog.begin("calm-tu", options());
    for (let i = 0; i < 100; i++) await log.write(Buffer.from(`${String(i).padStart(98, "x")}\n`));
    await log.end(3);
    const files = logFiles("calm-tu", options().root);
    const sizes = await Promise.all([files.now, files.before].map(async (file) => (await stat(file)).size));
    assert.ok(
      sizes.every((size) => size > 0 && size <= 1000),
      `${sizes}`,
    );
    const all = await read();
    assert.ok(all.endsWith("99\n"));
    assert.ok(!all.includes("x5\n"), "the oldest output is gone");
    assert.equal((await logStatus("calm-tu", options().root))?.exitCode, 3);
  });

  it("is root's alone, and goes with its session", async () => {
    const log = await SessionLog.begin("calm-tu", options());
    await log.write(Buffer.from("secret\n"));
    await log.end(0);
    assert.equal((await stat(options().root)).mode & 0o777, 0o700);
    for (const name of await readdir(options().root))
      assert.equal((await stat(join(options().root, name))).mode & 0o777, 0o600, name);
    await removeLog("calm-tu", options().root);
    assert.deepEqual(await readdir(options().root), []);
  });

  it("takes both outputs at once without a mix within a piece", async () => {
    const log = await SessionLog.begin("calm-tu", { ...options(), half: 100_000 });
    await Promise.all(
      ["a", "b"].flatMap((letter) =>
        Array.from({ length: 50 }, () => log.write(Buffer.from(`${letter.repeat(100)}\n`))),
      ),
    );
    await log.end(0);
    assert.deepEqual([...new Set((await read()).trim().split("\n"))].sort(), ["a".repeat(100), "b".repeat(100)]);
  });

  it("is followed across its files until the run has ended", async () => {
    const log = await SessionLog.begin("calm-tu", options());
    let runs = true;
    const following = read(async () => runs);
    for (let i = 0; i < 30; i++) {
      await log.write(Buffer.from(`line ${i} ${"x".repeat(80)}\n`));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await log.end(0);
    runs = false;
    assert.deepEqual(
      (await following)
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[1]),
      Array.from({ length: 30 }, (_, i) => `${i}`),
    );
  });

  it("says how its run stands", () => {
    assert.equal(describeDetached({ began: "B" }, true), "since B");
    assert.equal(describeDetached({ began: "B" }, false), "it was killed");
    assert.equal(describeDetached({ began: "B", ended: "E", exitCode: 7 }, false), "exit code 7, E");
    assert.equal(describeDetached(undefined, true), "");
  });
});

describe("a session's text on a terminal", () => {
  it("cannot move the cursor, set a title, hide or turn text around", () => {
    assert.equal(neutral("a\tb\r\nc\n"), "a\tb\nc\n", "the control: plain text stays");
    assert.equal(neutral("Grüße 日本 ✓"), "Grüße 日本 ✓");
    assert.equal(neutral("\u001b[2J\u009b1m\rx\u0007"), "\\x1b[2J\\x9b1m\\x0dx\\x07");
    assert.equal(neutral("a\u202eb\u200bc\u2028"), "a\\u{202e}b\\u{200b}c\\u{2028}");
  });

  it("is the same in whatever pieces it comes", async () => {
    const bytes = Buffer.from("ü\r\n\u001b]0;x\u0007日\r");
    const pieces = Readable.from([...bytes].map((byte) => Buffer.from([byte])));
    assert.equal(await text(pieces.pipe(new Neutral())), "ü\n\\x1b]0;x\\x07日\\x0d");
  });
});
