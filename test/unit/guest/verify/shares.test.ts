import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharesNotice } from "../../../../guest/verify/judge/shares.ts";
import { lookAtShares } from "../../../../guest/verify/look/machine.ts";

describe("the sharing of the processors, verified", () => {
  let cgroups: string;
  beforeEach(async () => {
    cgroups = await mkdtemp(join(tmpdir(), "cloister-cgroups-"));
  });
  afterEach(async () => await rm(cgroups, { recursive: true, force: true }));

  /** A tree of control groups with these controllers: the kernel's, and those of the sessions' groups. */
  async function tree(available: string | undefined, enabled: string | undefined) {
    const sessions = join(cgroups, "cloister.slice/cloister-sessions.slice");
    await mkdir(sessions, { recursive: true });
    if (available !== undefined) await writeFile(join(cgroups, "cgroup.controllers"), `${available}\n`);
    if (enabled !== undefined) await writeFile(join(sessions, "cgroup.subtree_control"), `${enabled}\n`);
    return sharesNotice(await lookAtShares(cgroups));
  }

  it("is nothing to tell where sessions have shares", async () => {
    assert.equal(await tree("cpuset cpu io memory pids", "cpu memory pids"), undefined);
  });

  it("is told where the kernel has no controller cpu", async () => {
    // The controller cpuset is another one.
    assert.match(
      (await tree("cpuset io memory pids", "memory pids")) ?? "",
      /no shares .* its kernel has no controller cpu:/,
    );
  });

  it("is told where the controller is not switched on", async () => {
    assert.match((await tree("cpu memory pids", "memory pids")) ?? "", /systemd did not switch on the controller cpu/);
  });

  it("is told where control groups are not unified", async () => {
    assert.match((await tree(undefined, undefined)) ?? "", /not unified \(cgroup v2\)/);
  });
});
