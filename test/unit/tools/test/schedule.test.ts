import assert from "node:assert/strict";
import { nextStage, type Room, runAll, type Turn } from "../../../../tools/test/schedule.ts";

interface Named extends Turn {
  readonly name: string;
}
const small = (name: string): Named => ({ name });
const machine = (name: string): Named => ({ name, needsMachine: true });

describe("the stages of npm test", () => {
  const room: Room = { stages: 2, machineBesides: true };

  it("begin in their order, while there is room", () => {
    const [one, two, three] = [small("one"), small("two"), small("three")];
    assert.equal(nextStage([one, two], [], room), one);
    assert.equal(nextStage([two], [one], room), two);
    assert.equal(nextStage([three], [one, two], room), undefined);
    assert.equal(nextStage([], [one], room), undefined);
    assert.equal(nextStage([two], [one], { ...room, stages: 1 }), undefined);
  });

  it("have one machine at a time", () => {
    const [one, vm, other] = [small("one"), machine("vm"), machine("other")];
    assert.equal(nextStage([other, one], [vm], room), one);
    assert.equal(nextStage([other], [vm], room), undefined);
    assert.equal(nextStage([other], [one], room), other);
  });

  it("wait for what they need", () => {
    const [vm, engine, one] = [machine("vm"), { name: "engine", needsPulumi: true }, small("one")];
    assert.equal(nextStage([vm, engine, one], [{}], { ...room, prepared: false }), one);
    assert.equal(nextStage([vm, engine], [{}], { ...room, prepared: false }), undefined);
    assert.equal(nextStage([vm, engine], [{}], room), vm);
  });

  it("leave a machine alone where memory is short", () => {
    const tight = { ...room, machineBesides: false };
    const [one, two, vm] = [small("one"), small("two"), machine("vm")];
    assert.equal(nextStage([vm, two], [one], tight), two);
    assert.equal(nextStage([vm], [one], tight), undefined);
    assert.equal(nextStage([one], [vm], tight), undefined);
    assert.equal(nextStage([vm], [], tight), vm);
  });

  /** Runs all, each for so many turns of the event loop; tells what was seen to run at once. */
  async function played(
    stages: readonly (Named & { readonly turns: number })[],
    where: Room,
    preparing = 0,
  ): Promise<string[]> {
    const running = new Set<string>();
    const pass = async (turns: number) => {
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    const seen: string[] = [];
    const run = async ({ name, turns }: (typeof stages)[number]) => {
      running.add(name);
      seen.push([...running].join("+"));
      await pass(turns);
      running.delete(name);
    };
    await runAll(stages, where, run, () => pass(preparing));
    return seen;
  }

  it("all run, once each", async () => {
    const stages = [
      { ...small("a"), turns: 1 },
      { ...machine("vm"), turns: 9 },
      { ...small("b"), turns: 2 },
      { ...machine("vm2"), turns: 3 },
      { ...small("c"), turns: 2 },
    ];
    assert.deepEqual(await played(stages, room), ["a", "a+vm", "vm+b", "vm+c", "vm2"]);
    assert.deepEqual(await played(stages, { ...room, machineBesides: false }), ["a", "a+b", "b+c", "vm", "vm2"]);
    assert.deepEqual(await played(stages, { ...room, stages: 1 }), ["a", "vm", "b", "vm2", "c"]);
    assert.deepEqual(await played(stages, room, 4), ["a", "b", "c", "c+vm", "vm2"]);
  });

  it("end the run when one throws, or what they need cannot be made", async () => {
    const broken = () => Promise.reject(new Error("broken"));
    await assert.rejects(runAll([small("a")], room, broken), /broken/);
    await assert.rejects(
      runAll([machine("vm")], room, async () => {}, broken),
      /broken/,
    );
  });
});
