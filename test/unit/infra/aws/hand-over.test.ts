import assert from "node:assert/strict";
import { type HandOverApi, handOver } from "../../../../infra/aws/machines/hand-over.ts";

const named = (name: string) => Object.assign(new Error(name), { name });

/** EC2 with one volume and one instance that has it. Each wait is a moment in which states go on. */
function ec2(begin: { readonly state: string; readonly attached?: boolean; readonly refuses?: readonly string[] }) {
  let { state } = begin;
  let attached: "attached" | "detaching" | undefined = begin.attached === false ? undefined : "attached";
  const calls: string[] = [];
  const api = {
    async describeVolumes() {
      return { Volumes: [{ Attachments: attached ? [{ InstanceId: "i-old", State: attached }] : [] }] };
    },
    async describeInstances() {
      if (state === "gone") throw named("InvalidInstanceID.NotFound");
      return { Reservations: [{ Instances: [{ State: { Name: state } }] }] };
    },
    async stopInstances() {
      calls.push("stop");
      if (begin.refuses?.includes("stop")) {
        state = "terminated";
        throw named("IncorrectInstanceState");
      }
      state = "stopping";
    },
    async detachVolume() {
      calls.push("detach");
      attached = "detaching";
    },
  } as unknown as HandOverApi;
  let waits = 0;
  const wait = async (): Promise<void> => {
    waits += 1;
    if (attached === "detaching" || state === "terminated" || state === "gone") attached = undefined;
    else if (state === "stopping") state = "stopped";
    else if (state === "shutting-down") state = "terminated";
  };
  const said: string[] = [];
  const run = (instance = "i-new") =>
    handOver(api, { volume: "vol-1", instance, say: (line) => void said.push(line), wait });
  return { run, calls, said, waits: () => waits };
}

describe("a session disk that goes from one machine to the next", () => {
  it("is taken from nobody at a first start, or where the machine has it already", async () => {
    const free = ec2({ state: "running", attached: false });
    await free.run();
    const own = ec2({ state: "running" });
    await own.run("i-old");
    assert.deepEqual([free.calls, free.waits(), own.calls, own.waits()], [[], 0, [], 0]);
  });

  it("is detached when the old machine has stopped, and not before", async () => {
    const { run, calls, said } = ec2({ state: "running" });
    await run();
    assert.deepEqual(calls, ["stop", "detach"]);
    assert.match(said[0] ?? "", /vol-1 is at i-old, which is running/);
    assert.match(said[1] ?? "", /which is stopping|which is stopped/);
  });

  it("is waited for where the old machine was terminated by hand, is on its way out, or is forgotten", async () => {
    for (const state of ["terminated", "shutting-down", "gone"]) {
      const { run, calls, waits } = ec2({ state });
      await run();
      assert.deepEqual(calls, [], state);
      assert.ok(waits() > 0, state);
    }
  });

  it("survives that the old machine is terminated between the look and the stop", async () => {
    const { run, calls } = ec2({ state: "running", refuses: ["stop"] });
    await run();
    assert.deepEqual(calls, ["stop"]);
  });

  it("gives up after ten minutes, and says what to do", async () => {
    const { run, waits } = ec2({ state: "pending" });
    await assert.rejects(
      run(),
      /vol-1 is still attached to i-old, which is pending\. Stop that instance, detach the disk/,
    );
    assert.equal(waits(), 120);
  });
});
