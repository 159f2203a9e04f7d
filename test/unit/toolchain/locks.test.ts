import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { releaseStaleLocks } from "../../../toolchain/locks.ts";

describe("locks of a file backend", () => {
  let backend: string;
  let said: string[];
  const report = (line: string): void => void said.push(line);

  beforeEach(async () => {
    said = [];
    backend = await mkdtemp(join(tmpdir(), "cloister-locks-"));
  });
  afterEach(async () => await rm(backend, { recursive: true, force: true }));

  async function lock(content: object | string): Promise<string> {
    const folder = join(backend, ".pulumi", "locks", "organization", "cloister", "local");
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${Math.random()}.json`);
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  }
  const content = (change: object = {}): object => ({
    pid: process.pid,
    username: "me",
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...change,
  });

  it("removes the lock of a process that is gone, and says so", async () => {
    const { pid } = execa("true");
    const file = await lock(content({ pid: pid ?? 0 }));
    await new Promise((done) => setTimeout(done, 100));
    const { released, kept } = await releaseStaleLocks(`file://${backend}`, report);
    assert.deepEqual([released.length, kept.length], [1, 0]);
    assert.equal(existsSync(file), false);
    assert.match(said.join(), /by process \d+, is removed: that process is gone/);
  });

  it("leaves the lock of a living process and names it", async () => {
    const file = await lock(content());
    const { kept } = await releaseStaleLocks(`file://${backend}`, report);
    assert.equal(kept[0]?.pid, process.pid);
    assert.equal(existsSync(file), true);
    assert.match(said.join(), new RegExp(`by process ${process.pid}, is left: that process still runs`));
  });

  it("is not taken in by a process that got the same id later", async () => {
    await lock(content({ timestamp: "2020-01-01T00:00:00.123456789Z" }));
    assert.equal((await releaseStaleLocks(`file://${backend}`, report)).released.length, 1);
  });

  it("leaves locks of other computers, other files and other backends alone", async () => {
    const files = [await lock(content({ hostname: "elsewhere", pid: 1 })), await lock("rubbish")];
    const { released, kept } = await releaseStaleLocks(`file://${backend}`, report);
    assert.deepEqual([released.length, kept.length], [0, 1]);
    assert.deepEqual(
      files.map((file) => existsSync(file)),
      [true, true],
    );
    assert.match(said.join(), /on elsewhere, is left/);
    assert.deepEqual(await releaseStaleLocks("s3://bucket", report), { released: [], kept: [] });
    assert.deepEqual(await releaseStaleLocks("file:///no/such/folder", report), { released: [], kept: [] });
  });
});
