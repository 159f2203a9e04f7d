import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { RunMachine } from "../../../../../infra/local/network/main.ts";
import { REPOSITORY } from "../../../../../rehearsal/project-copy.ts";

/**
 * Stands for QEMU, which writes all frames of a burst before it reads any again (qemu: net/filter-mirror.c, `filter_send`
 * calls `qemu_chr_fe_write_all`). Sizes and numbers of frames are the machine's choice.
 */
const QEMU = `
const { writeSync, writeFileSync } = require("node:fs");
const [, done, length, count] = process.argv;
const frame = Buffer.alloc(4 + Number(length));
frame.writeUInt32BE(Number(length), 0);
frame.writeUInt16BE(0x0800, 4 + 12);
frame[18] = 0x45;
frame.writeUInt16BE(Number(length) - 14, 20);
frame[18 + 9] = 17;
Buffer.from([203, 0, 113, 80]).copy(frame, 18 + 16);
for (let i = 0; i < Number(count); i++)
  for (let at = 0; at < frame.length; )
    try { at += writeSync(3, frame, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
writeFileSync(done, "written");
setInterval(() => {}, 1000);
`;

describe("the program that runs a machine behind its filter", () => {
  let folder: string;
  let running: ReturnType<typeof spawn> | undefined;
  const at = (name: string): string => join(folder, name);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-filter-"));
    for (const log of ["console.log", "qemu.log", "other.log"]) await writeFile(at(log), "");
  });
  afterEach(async () => {
    running?.kill("SIGTERM");
    if (running && running.exitCode === null && running.signalCode === null) await once(running, "exit");
    running = undefined;
    await rm(folder, { recursive: true });
  });

  /** Runs it with another program in QEMU's place. */
  function run(program: string, ...args: string[]): void {
    const message: RunMachine = {
      program: process.execPath,
      args: ["-e", program, ...args],
      services: [],
      start: "a-start",
      paths: {
        pid: at("pid"),
        marker: "cloister-no-machine",
        process: at("process"),
        console: at("console.log"),
        qemuLog: at("qemu.log"),
      },
    };
    const words = [join(REPOSITORY, "lib/run-bundled.cjs"), "infra/local/network/main.ts", "cloister-filter-test"];
    const child = spawn(process.execPath, words, { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.end(JSON.stringify(message));
    running = child;
  }

  async function within(ms: number, is: () => boolean): Promise<boolean> {
    const end = Date.now() + ms;
    while (!is() && Date.now() < end) await sleep(50);
    return is();
  }

  for (const [what, length, count] of [
    ["a few frames, the control", 1_514, 20],
    ["frames of the largest size that a machine may set", 65_000, 16],
    ["more than may wait", 65_000, 1_000],
  ] as const) {
    it(`takes all that the machine sends at once: ${what}`, async () => {
      run(QEMU, at("done"), `${length}`, `${count}`);
      assert.ok(await within(60_000, () => existsSync(at("done"))), "QEMU and its filter wait for each other");
    }).timeout(150_000);
  }

  for (const [what, line] of [
    ["the control", ""],
    ["after lines that begin thousands of times like the system's", `${"cloud-init[1]: Cloud-init ".repeat(9_000)}\n`],
    ["after thousands of reports", `cloister: report ${gzipSync(Buffer.alloc(1 << 20)).toString("base64")}\n`],
  ] as const) {
    it(`keeps the logs short that a machine writes without end, and what it said of its boot: ${what}`, async () => {
      await appendFile(at("console.log"), "[    0.0] Linux version 6.8.0\ncloister: not ready: no session disk\n");
      await appendFile(at("console.log"), line.repeat(Math.floor((7 << 19) / Math.max(1, line.length))));
      const flood = `
const { appendFileSync } = require("node:fs");
for (let i = 0; i < 40; i++) for (const file of process.argv.slice(1)) appendFileSync(file, "a line of words\\n".repeat(65536));
appendFileSync(process.argv[3], "");
setInterval(() => {}, 1000);`;
      run(flood, at("console.log"), at("qemu.log"), at("other.log"));
      const size = (name: string): number => statSync(at(name)).size;
      assert.ok(await within(60_000, () => size("other.log") === 40 << 20), "the control: nobody looks at this one");
      assert.ok(
        await within(60_000, () => size("console.log") <= 4 << 20 && size("qemu.log") <= 4 << 20),
        `${size("console.log")} and ${size("qemu.log")} bytes`,
      );
      await sleep(1_500);
      await appendFile(at("console.log"), "the last line\n");
      const text = await readFile(at("console.log"), "utf8");
      assert.match(
        text.slice(0, 200),
        /^\[the beginning of .* cut away\]\ncloister: not ready: no session disk\na line of/,
      );
      assert.match(text.slice(-200), /\nthe last line\n$/);
    }).timeout(150_000);
  }
});
