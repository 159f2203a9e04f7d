import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { registerTrash } from "../../../guest/cli/trash.ts";

describe("cloister trash", () => {
  let folder: string;
  let program: string;
  const { exitCode } = process;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-trash-"));
    program = join(folder, "trash");
    await writeFile(program, `#!/bin/sh\nprintf '[%s]' "$@" >${folder}/arguments\nexit 3\n`);
    await chmod(program, 0o755);
  });
  afterEach(async () => {
    process.exitCode = exitCode;
    await rm(folder, { recursive: true });
  });

  async function parse(...args: string[]): Promise<string> {
    const root = new Command("cloister").exitOverride().configureOutput({ writeErr: () => {} });
    registerTrash(root, program);
    await root.parseAsync(["trash", ...args], { from: "user" });
    return await readFile(join(folder, "arguments"), "utf8");
  }

  it("runs the program with what was asked, and passes its exit code on", async () => {
    assert.equal(await parse("ls", "/data"), "[ls][/data]");
    assert.equal(process.exitCode, 3);
    assert.equal(await parse("restore", "/data", "a", "b c"), "[restore][/data][a][b c]");
    assert.equal(await parse("restore", "/data"), "[restore][/data]");
    assert.equal(await parse("empty", "/data"), "[empty][/data]");
    assert.equal(await parse("ls", "--", "-odd"), "[ls][-odd]");
  });

  it("refuses what it does not know", async () => {
    await assert.rejects(parse("ls"), /missing required argument/);
    await assert.rejects(parse("empty", "/data", "/more"), /too many arguments/);
    await assert.rejects(parse("purge", "/data"), /unknown command|too many arguments/);
  });
});
