import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../../guest/sessions/limits.ts";
import { lifelineArguments, mountServiceArguments, serviceArguments } from "../../../../guest/sessions/unit.ts";

describe("systemd's lines", () => {
  const session = "brave-loving-maxwell";

  it("run a command as a service that is bound to its supervisor", () => {
    const spec = { session, uid: 20_017, gid: 20_018, limits: DEFAULT_LIMITS, command: ["bwrap", "--x", "a b"] };
    assert.deepEqual(serviceArguments(spec), [
      ...["systemd-run", "--quiet", "--pipe", "--wait", "--collect"],
      "--unit=cloister-session-brave-loving-maxwell.service",
      "--description=cloister: session brave-loving-maxwell",
      "--slice=cloister-sessions.slice",
      "--property=User=20017",
      "--property=Group=20018",
      "--property=BindsTo=cloister-lifeline-brave-loving-maxwell.scope",
      "--property=After=cloister-lifeline-brave-loving-maxwell.scope",
      "--property=KillMode=control-group",
      "--property=TimeoutStopSec=5",
      "--property=CapabilityBoundingSet=",
      "--property=AmbientCapabilities=",
      "--property=NoNewPrivileges=yes",
      "--property=KeyringMode=private",
      "--property=MemoryMax=3891M",
      "--property=MemorySwapMax=0",
      "--property=TasksMax=8192",
      "--property=LimitNOFILE=524288",
      "--property=LimitCORE=0",
      "--property=OOMPolicy=kill",
      "--property=UMask=0022",
      "--property=WorkingDirectory=/",
      ...["--", "bwrap", "--x", "a b"],
    ]);
    assert.ok(serviceArguments({ ...spec, timeoutMs: 1500 }).includes("--property=RuntimeMaxSec=7"));
  });

  it("tie the supervisor to a scope that ends with it", () => {
    assert.deepEqual(lifelineArguments(session).slice(-3), ["--slice=system.slice", "--", "cat"]);
    assert.ok(lifelineArguments(session).includes("--scope"));
  });

  it("mount a folder by a service that ends with the supervisor too", () => {
    const line = mountServiceArguments({
      session,
      name: "work",
      target: `/sessions/${session}/mnt/work`,
      command: ["bindfs", "/a", "/b"],
    });
    assert.ok(line.includes("--unit=cloister-mount-brave-loving-maxwell-work.service"));
    assert.ok(line.includes("--property=BindsTo=cloister-lifeline-brave-loving-maxwell.scope"));
    assert.ok(line.includes(`--property=ExecStopPost=-/bin/umount --lazy /sessions/${session}/mnt/work`));
    assert.deepEqual(line.slice(-4), ["--", "bindfs", "/a", "/b"]);
  });
});
