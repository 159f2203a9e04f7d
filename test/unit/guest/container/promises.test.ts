import assert from "node:assert/strict";
import { type ContainerFacts, parseMounts, parseStatus } from "../../../../guest/container/look.ts";
import { judgeContainer, missing } from "../../../../guest/container/promises.ts";

const none = "0000000000000000";
const good: ContainerFacts = {
  uid: 1000,
  status: parseStatus(
    `CapInh:\t${none}\nCapPrm:\t${none}\nCapEff:\t${none}\nCapBnd:\t${none}\nCapAmb:\t${none}\nNoNewPrivs:\t1\nSeccomp:\t2\n`,
  ),
  mounts: parseMounts(
    [
      "1 0 0:1 / / ro,relatime - overlay overlay rw",
      ...["/run/cloister", "/sessions", "/tmp"].map(
        (path) => `2 1 0:2 / ${path} rw,nosuid,nodev - tmpfs tmpfs rw,size=1024k`,
      ),
    ].join("\n"),
  ),
  limits: { memoryMiB: 4096, withSwapMiB: 4096, pids: 2048, cpuQuota: 2, cpus: 4, outOfMemoryKills: 0 },
  calls: { io_uring_setup: "ENOSYS", keyctl: "EPERM", ptrace: "ENOSYS", vmsplice: "ENOSYS", chroot: "EFAULT" },
};

describe("what a container should have", () => {
  it("is nothing more than is documented", () => {
    assert.deepEqual(missing(good), []);
  });

  const lacking: Readonly<Record<string, Partial<ContainerFacts>>> = {
    "--user": { uid: 0 },
    "--cap-drop": { status: { ...good.status, CapBnd: "00000000a80425fb" } },
    "no-new-privileges": { status: { ...good.status, NoNewPrivs: "0" } },
    "seccomp=": { calls: { ...good.calls, io_uring_setup: "EFAULT" } },
    "unmask=": { mounts: [...good.mounts, { path: "/proc/keys", type: "tmpfs", options: ["rw"] }] },
    "--read-only:": { mounts: good.mounts.map((one) => (one.path === "/" ? { ...one, options: ["rw"] } : one)) },
    "--tmpfs=/tmp": { mounts: good.mounts.map((one) => (one.path === "/tmp" ? { ...one, options: ["rw"] } : one)) },
    "--memory=": { limits: { ...good.limits, memoryMiB: 4000 } },
    swap: { limits: { ...good.limits, withSwapMiB: 8192 } },
    "--pids-limit": { limits: (({ pids: _, ...rest }) => rest)(good.limits) },
    "--cpus": { limits: { ...good.limits, cpuQuota: 1 } },
    "setting of the host": { noNamespaces: "unshare: Operation not permitted" },
  };

  for (const [what, change] of Object.entries(lacking)) {
    it(`is missed: ${what}`, () => {
      const { problems } = judgeContainer({ ...good, ...change }, false);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.ok(problems[0]?.includes(what), problems[0]);
    });
  }

  it("can be done without where that is told, except what nothing runs without, and uid 0", () => {
    const { problems, weaker } = judgeContainer({ ...good, ...lacking["--pids-limit"], uid: 0 }, true);
    assert.deepEqual([problems.length, weaker.length], [1, 1]);
    assert.match(problems[0] ?? "", /uid 0/);
    assert.match(weaker[0] ?? "", /--pids-limit/);
  });
});
