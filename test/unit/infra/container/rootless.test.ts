import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerOptions, DEFAULTS, optionWords, SECCOMP } from "../../../../infra/container/options.ts";
import {
  lookForNetwork,
  type RootlessFacts,
  rootlessNotes,
  rootlessProblems,
} from "../../../../infra/container/rootless.ts";

const good: RootlessFacts = {
  cgroups: 2,
  controllers: ["cpu", "memory", "pids"],
  ids: 65_537,
  network: true,
  tun: true,
  storage: "overlay",
};

describe("rootless podman", () => {
  it("is used as it is where it has all that it needs", () => {
    assert.deepEqual([rootlessProblems(good), rootlessNotes(good)], [[], []]);
  });

  it("is refused with each thing that is missing, and what to do, in one round", () => {
    const problems = rootlessProblems({ ...good, ids: 1, network: false });
    assert.equal(problems.length, 2);
    assert.match(problems[0] ?? "", /has 1 user id .*--add-subuids/);
    assert.match(problems[1] ?? "", /slirp4netns nor pasta .*install/);
    assert.match(rootlessProblems({ ...good, tun: false })[0] ?? "", /\/dev\/net\/tun/);
  });

  it("says which limits it cannot set, why, and how it could", () => {
    const [old = ""] = rootlessNotes({ ...good, cgroups: 1, controllers: [] });
    assert.match(old, /memory, processes, processors .*version 1.*unified_cgroup_hierarchy/);
    const [undelegated = ""] = rootlessNotes({ ...good, controllers: ["memory", "pids"] });
    assert.match(undelegated, /limit no processors .*gives users no cpu: .*Delegate=/);
    assert.match(rootlessNotes({ ...good, storage: "vfs" })[0] ?? "", /driver = "overlay"/);
  });

  it("gets the limits that it can set, and no others: the container then refuses by itself", () => {
    const wordsOf = (controllers?: string[]) =>
      optionWords(
        containerOptions(
          {
            program: "podman",
            rootless: true,
            cgroups: 2,
            apparmor: false,
            ...(controllers === undefined ? {} : { controllers }),
          },
          { ...DEFAULTS, pids: 100, user: { uid: 1000, gid: 1000 }, folders: [], seccomp: SECCOMP },
        ),
      ).filter((word) => /^--(memory|cpus|pids)/.test(word));
    assert.deepEqual(wordsOf(["memory", "pids"]), ["--memory=4096m", "--memory-swap=4096m", "--pids-limit=100"]);
    assert.equal(wordsOf().length, 4, "the control: where nothing is known of controllers, all are asked for");
  });

  it("finds the network's helper on PATH", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-pasta-"));
    try {
      await writeFile(join(folder, "pasta"), "");
      await chmod(join(folder, "pasta"), 0o755);
      assert.ok((await lookForNetwork({ PATH: folder })).network);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
