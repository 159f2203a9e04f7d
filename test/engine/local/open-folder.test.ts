import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { livingProcess } from "../../../infra/local/host/living.ts";
import { Clone } from "../../support/local/clone.ts";
import { ends } from "../../support/processes.ts";

/** A machine's folder in which others could write. QEMU and images are stand-ins. */
describe("a local stack in a folder that was open", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let clone: Clone;
  const succeeds = async (run: Promise<{ exitCode?: number | undefined; all?: unknown }>): Promise<void> => {
    const { exitCode, all } = await run;
    assert.equal(exitCode, 0, String(all));
  };
  const mode = (): number => statSync(clone.paths.root).mode & 0o777;

  beforeEach(async () => {
    clone = await Clone.create();
  });
  afterEach(async () => {
    await clone.dispose();
  });

  it("is refused with what may be theirs; else it is made, refreshed, updated and taken down as any", async () => {
    const { root, qemuLog } = clone.paths;
    const precious = join(clone.stack.folder, "precious");
    await writeFile(precious, "precious");
    await mkdir(root, { recursive: true });
    await symlink(precious, qemuLog);
    await chmod(root, 0o777);
    const { exitCode, all } = await clone.start();
    assert.notEqual(exitCode, 0);
    assert.match(String(all).replace(/\s+/g, " "), /qemu\.log in it may be theirs/);
    await rm(qemuLog);
    await succeeds(clone.start());
    assert.equal(mode(), 0o700);
    const { pid } = livingProcess(clone.paths) ?? assert.fail("no machine runs");
    // As an earlier version left it: its files are shown to be ours.
    await chmod(root, 0o777);
    await succeeds(clone.pulumi("refresh", "--yes", "--non-interactive", "--stack", "local"));
    await succeeds(clone.pulumi("config", "set", "cloister:memoryMiB", "2049", "--stack", "local"));
    await succeeds(clone.start());
    assert.equal(mode(), 0o700, "the step that ran again has closed it");
    await ends(pid);
    await chmod(root, 0o777);
    await symlink(precious, join(root, "link"));
    await succeeds(clone.down());
    assert.ok(!existsSync(root));
    assert.equal(await readFile(precious, "utf8"), "precious");
  });
});
