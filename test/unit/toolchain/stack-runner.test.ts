import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Toolchain } from "../../../toolchain/index.ts";
import { isLocked, PulumiError, StackRunner } from "../../../toolchain/stack-runner.ts";

/** A stack of the project's own backend, with a Pulumi that says one thing and fails. */
describe("a stack that another run works on", function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-runner-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const runner = async (said: string): Promise<StackRunner> => {
    const pulumi = join(folder, "pulumi");
    await writeFile(pulumi, `#!/bin/sh\necho "error: ${said}" >&2\nexit 1\n`);
    await chmod(pulumi, 0o755);
    const toolchain: Toolchain = { kind: "path", version: "3", why: "a test", pulumi, binDir: folder, env: {} };
    return new StackRunner("of-a-test-only", toolchain, { own: true });
  };

  it("need not be made by both", async () => {
    await (await runner("stack 'organization/cloister/of-a-test-only' already exists")).init();
    await assert.rejects((await runner("no space left on device")).init(), /no space left/, "the control");
  });

  it("is told from one that failed", () => {
    const locked = "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end";
    assert.ok(isLocked(new PulumiError("up", 255, locked)));
    assert.ok(!isLocked(new PulumiError("up", 255, "error: update failed")));
    assert.ok(!isLocked(new Error(locked)));
  });
});
