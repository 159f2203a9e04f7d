import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CAPTURE_LIMIT } from "../../../../guest/run/result.ts";
import { runContainer } from "../../../../infra/container/run.ts";
import { PODMAN } from "../../../support/podman-host.ts";

/** A program of the name podman stands in for the engine. */
describe("a container of one run", () => {
  const path = process.env["PATH"];
  let folder: string;
  const host = PODMAN;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-run-test-"));
    process.env["PATH"] = `${folder}:${path}`;
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  });

  it("gives back the longest result whole, and the engine keeps no copy of it on the disk", async () => {
    // Each byte of both outputs is six characters of JSON, at worst.
    const longest = 2 * 6 * CAPTURE_LIMIT;
    const program = `#!/bin/sh\necho "$*" >>${folder}/calls\nhead -c ${longest} /dev/zero | tr '\\0' x\nexit 7\n`;
    await writeFile(join(folder, "podman"), program, { mode: 0o755 });
    const { exitCode, stdout } = await runContainer(host, { image: "i", command: ["run"], stdio: "pipe" });
    assert.deepEqual([exitCode, stdout.length], [7, longest]);
    assert.match(await readFile(join(folder, "calls"), "utf8"), /^run --rm .*--log-driver=none.* i run$/m);
    assert.ok(longest < 2 ** 29 - 24, "V8 has no longer string");
  }).timeout(60_000);

  it("refuses an audit folder of another user's before anything starts, and what is no folder", async () => {
    await writeFile(join(folder, "podman"), `#!/bin/sh\necho "$*" >>${folder}/calls\n`, { mode: 0o755 });
    const run = (audit: string) => runContainer(host, { image: "i", command: ["run"], stdio: "pipe", audit });
    const file = join(folder, "file");
    await writeFile(file, "");
    await assert.rejects(run(file), /--audit ".*file": it is not a folder/);
    if (process.getuid?.() === 0) {
      const other = join(folder, "other");
      await mkdir(other, { mode: 0o755 });
      await chown(other, 4711, 4711);
      await assert.rejects(run(other), /may not write there: .*chown/);
    }
    await assert.rejects(readFile(join(folder, "calls")), /ENOENT/, "nothing was started");
    await run(join(folder, "made"));
    const open = join(folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    await run(open);
    assert.equal((await readFile(join(folder, "calls"), "utf8")).trim().split("\n").length, 2, "the control");
  });
});
