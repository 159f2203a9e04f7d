import assert from "node:assert/strict";
import { LifeCycle, type Seen } from "../../../../guest/aws/life-cycle.ts";
import type { Answer } from "../../../../guest/aws/signals.ts";

const POOL = {
  launchHook: "verified",
  terminateHook: "drained",
  verifySeconds: 900,
  drainSeconds: 600,
};
const GOOD = { ok: true, why: "" };

describe("aws: the life cycle of a machine", () => {
  let did: string[];
  let said: string[];
  let answer: Answer;
  let broken: boolean;
  let life: LifeCycle;
  let now: number;
  let closed: boolean;

  const make = (pool: typeof POOL | undefined = POOL) => {
    const act = (what: string) => {
      if (broken) throw new Error("the service is away");
      did.push(what);
    };
    return new LifeCycle(
      pool,
      {
        complete: async (hook, result) => {
          act(`${hook} ${result}`);
          return answer;
        },
        heartbeat: async (hook) => {
          act(`${hook} heartbeat`);
          return answer;
        },
        protect: async (on) => act(`protect ${on}`),
      },
      {
        setDraining: async (why) => {
          // The first look removes what an earlier process may have left.
          if (why !== undefined || closed) did.push(why === undefined ? "open" : "closed");
          closed = why !== undefined;
        },
        stopCommands: async () => {
          did.push("stop commands");
        },
        say: (line) => said.push(line),
      },
    );
  };
  beforeEach(() => {
    did = [];
    said = [];
    answer = "taken";
    broken = false;
    now = 1_000;
    closed = false;
    life = make();
  });

  const IDLE: Omit<Seen, "now"> = { target: "InService", verdict: undefined, commands: 0, spotEnd: undefined };
  /** Looks once, some seconds after the last look; returns what was done. */
  const look = async (more: Partial<Seen> = {}, seconds = 3) => {
    now += seconds * 1_000;
    did = [];
    await life.tick({ ...IDLE, now, ...more });
    return did;
  };
  /** Looks every three seconds for some time; returns all that was done. */
  const looks = async (seconds: number, more: Partial<Seen> = {}) => {
    const all: string[] = [];
    for (let passed = 0; passed < seconds; passed += 3) all.push(...(await look(more)));
    return all;
  };

  describe("on its way into service", () => {
    it("signals nothing while the verification runs, and CONTINUE once it passed", async () => {
      assert.deepEqual(await looks(60), []);
      assert.deepEqual(await look({ verdict: GOOD }), ["verified CONTINUE"]);
      assert.deepEqual(await looks(30, { verdict: GOOD }), [], "once");
      assert.match(said.join("\n"), /verified: CONTINUE on the way to InService; the group was told/);
    });

    it("signals ABANDON with the reason when it failed", async () => {
      assert.deepEqual(await look({ verdict: { ok: false, why: "S6 capabilities: CapBnd is 1" } }), [
        "verified ABANDON",
      ]);
      assert.match(said.join("\n"), /not verified \(S6 capabilities: CapBnd is 1\): ABANDON/);
      assert.deepEqual(await looks(120, { verdict: { ok: false, why: "x" }, commands: 1 }), [], "and no protection");
    });

    it("prolongs the hook while it boots, three times in its time, and gives up in the end", async () => {
      const done = await looks(45 * 60);
      assert.deepEqual(new Set(done), new Set(["verified heartbeat", "verified ABANDON"]));
      assert.equal(done.indexOf("verified ABANDON"), done.length - 1);
      const beats = done.length - 1;
      assert.ok(beats >= 7 && beats <= 8, `${beats} heartbeats in 40 minutes`);
      assert.match(said.join("\n"), /no verdict after 40 minutes/);
    });

    it("signals where the metadata names no target yet", async () => {
      assert.deepEqual(await look({ target: undefined, verdict: GOOD }), ["verified CONTINUE"]);
    });

    it("tries again when the service is away, and says so once", async () => {
      broken = true;
      assert.deepEqual(await looks(60, { verdict: GOOD }), []);
      assert.equal(said.filter((line) => line.includes("could not be sent: the service is away")).length, 1);
      broken = false;
      assert.deepEqual(await looks(12, { verdict: GOOD }), ["verified CONTINUE"]);
    });

    it("takes it after two minutes that nobody waits: a machine in service was started again", async () => {
      answer = "not-awaited";
      const done = await looks(120, { verdict: GOOD });
      assert.deepEqual(new Set(done), new Set(["verified CONTINUE"]));
      assert.ok(done.length >= 9 && done.length <= 12, `${done.length} signals`);
      assert.deepEqual(said, []);
      await looks(15, { verdict: GOOD });
      assert.match(said.join("\n"), /the group does not wait for it/);
      assert.deepEqual(await looks(45, { verdict: GOOD }), []);
    });

    it("signals again when the hook waits a moment later than the metadata says", async () => {
      answer = "not-awaited";
      assert.deepEqual(await look({ target: "Warmed:Running", verdict: GOOD }), ["verified CONTINUE"]);
      answer = "taken";
      assert.deepEqual(await looks(15, { target: "Warmed:Running", verdict: GOOD }), ["verified CONTINUE"]);
      assert.deepEqual(await looks(45, { target: "Warmed:Running", verdict: GOOD }), []);
      assert.match(said.join("\n"), /CONTINUE on the way to Warmed:Running; the group was told/);
    });

    it("signals on entering a warm pool and again on leaving it", async () => {
      assert.deepEqual(await look({ target: "Warmed:Running", verdict: GOOD }), ["verified CONTINUE"]);
      assert.deepEqual(await looks(90, { target: "Warmed:Running", verdict: GOOD, commands: 1 }), []);
      assert.deepEqual(await look({ target: "InService", verdict: GOOD }), ["verified CONTINUE"]);
    });
  });

  describe("in service", () => {
    beforeEach(async () => {
      await look({ verdict: GOOD });
    });

    it("is protected while a command runs that is not over at once, and not for long afterwards", async () => {
      const busy = { verdict: GOOD, commands: 1 };
      assert.deepEqual(await looks(9, busy), []);
      assert.deepEqual(await looks(6, busy), ["protect true"]);
      assert.deepEqual(await looks(300, busy), []);
      assert.deepEqual(await looks(54, { verdict: GOOD }), []);
      assert.deepEqual(await looks(12, { verdict: GOOD }), ["protect false"]);
    });

    it("does not let go between two commands", async () => {
      const busy = { verdict: GOOD, commands: 1 };
      await looks(15, busy);
      for (let i = 0; i < 5; i += 1) {
        assert.deepEqual(await looks(30, { verdict: GOOD }), []);
        assert.deepEqual(await looks(30, busy), []);
      }
    });

    it("lets go of what an earlier process of it may have left", async () => {
      assert.deepEqual(await looks(66, { verdict: GOOD }), ["protect false"]);
    });
  });

  describe("when its group ends it", () => {
    const TERMINATED = { target: "Terminated", verdict: GOOD };
    beforeEach(async () => {
      await look({ verdict: GOOD });
    });

    it("refuses new commands, lets the running ones finish, then signals CONTINUE", async () => {
      assert.deepEqual(await look({ ...TERMINATED, commands: 2 }), ["closed"]);
      assert.match(said.join("\n"), /its group ends it: no new commands; 2 commands may go on for 585 s/);
      assert.deepEqual(await looks(300, { ...TERMINATED, commands: 1 }), []);
      assert.deepEqual(await look(TERMINATED), ["drained CONTINUE"]);
      assert.deepEqual(await looks(60, TERMINATED), []);
    });

    it("ends what still runs when the time is over", async () => {
      await look({ ...TERMINATED, commands: 1 });
      const done = await looks(700, { ...TERMINATED, commands: 1 });
      assert.deepEqual(done, ["stop commands", "drained CONTINUE"]);
      assert.match(said.join("\n"), /the time is over: 1 command ended/);
    });

    it("looks twice before it says that nothing runs", async () => {
      assert.deepEqual(await look(TERMINATED), ["closed"]);
      assert.deepEqual(await look({ ...TERMINATED, commands: 1 }), []);
      assert.deepEqual(await look(TERMINATED), ["drained CONTINUE"]);
    });

    it("signals again when its hook waits a moment later", async () => {
      await look(TERMINATED);
      answer = "not-awaited";
      assert.deepEqual(await look(TERMINATED), ["drained CONTINUE"]);
      answer = "taken";
      assert.deepEqual(await looks(15, TERMINATED), ["drained CONTINUE"]);
      assert.deepEqual(await looks(60, TERMINATED), []);
    });

    it("sends no heartbeat: that would make the wait endless", async () => {
      life = make({ ...POOL, verifySeconds: 60 });
      await look(TERMINATED);
      assert.deepEqual(await looks(500, { ...TERMINATED, commands: 1 }), []);
    });

    it("does so before it was ever verified, too", async () => {
      life = make();
      assert.deepEqual(await look({ target: "Terminated" }), ["closed"]);
      assert.deepEqual(await look({ target: "Terminated" }), ["drained CONTINUE"]);
    });

    it("takes commands again when it stays after all", async () => {
      await look(TERMINATED);
      assert.deepEqual(await look({ verdict: GOOD }), ["open"]);
      assert.match(said.join("\n"), /commands are taken again/);
    });
  });

  describe("when EC2 takes a Spot machine back", () => {
    it("drains in the two minutes that are left, and answers the group as well", async () => {
      await look({ verdict: GOOD });
      const spotEnd = now + 123_000;
      assert.deepEqual(await look({ verdict: GOOD, commands: 1, spotEnd }), ["closed"]);
      assert.match(said.join("\n"), /EC2 takes this Spot machine back: no new commands; 1 command may go on for 105 s/);
      const more = { verdict: GOOD, commands: 1, spotEnd };
      assert.deepEqual(await looks(90, more), []);
      assert.deepEqual(await looks(20, { ...more, target: "Terminated" }), ["stop commands", "drained CONTINUE"]);
    });

    it("drains without a group, too", async () => {
      life = new LifeCycle(
        undefined,
        { complete: fail, heartbeat: fail, protect: fail },
        {
          setDraining: async (why) => {
            if (why) did.push("closed");
          },
          stopCommands: async () => {
            did.push("stop commands");
          },
          say: (line) => said.push(line),
        },
      );
      const spotEnd = now + 120_000;
      assert.deepEqual(await look({ target: undefined, spotEnd, commands: 1 }), ["closed"]);
      assert.deepEqual(await looks(120, { target: undefined, spotEnd, commands: 1 }), ["stop commands"]);
    });
  });

  it("has nothing to signal on a named machine", async () => {
    life = new LifeCycle(
      undefined,
      { complete: fail, heartbeat: fail, protect: fail },
      {
        setDraining: async () => {},
        stopCommands: fail,
        say: (line) => said.push(line),
      },
    );
    assert.deepEqual(await looks(3_000, { target: undefined, verdict: GOOD, commands: 1 }), []);
    assert.deepEqual(said, []);
  });

  async function fail(): Promise<never> {
    throw new Error("not to be called");
  }
});
