import assert from "node:assert/strict";
import { parseCgroup } from "../../../../guest/sessions/scope.ts";
import { scopeArguments } from "../../../../guest/sessions/unit.ts";

describe("systemd's lines", () => {
  const session = "brave-loving-maxwell";

  it("give a session a scope with its limits, which ends with its supervisor", () => {
    assert.deepEqual(scopeArguments(session, { memoryMiB: 3891, tmpMiB: 512, tasksMax: 8192 }), [
      ...["systemd-run", "--quiet", "--scope", "--collect"],
      "--unit=cloister-session-brave-loving-maxwell.scope",
      "--description=cloister: session brave-loving-maxwell",
      "--slice=cloister-sessions.slice",
      "--property=Delegate=memory pids",
      "--property=KillMode=control-group",
      "--property=TimeoutStopSec=5",
      "--property=CPUWeight=100",
      "--property=MemoryMax=3891M",
      "--property=MemorySwapMax=0",
      "--property=TasksMax=8192",
      ...["--", "cat"],
    ]);
  });

  it("are where a session's control group is read from", () => {
    const text = "1:name=systemd:/x\n0::/cloister.slice/cloister-sessions.slice/cloister-session-a.scope\n";
    assert.equal(parseCgroup(text), "/cloister.slice/cloister-sessions.slice/cloister-session-a.scope");
    assert.throws(() => parseCgroup("4:memory:/x\n"), /no unified control groups/);
  });
});
