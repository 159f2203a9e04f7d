import assert from "node:assert/strict";
import { experimentWall } from "../../escape/experiment.ts";
import type { Machine } from "../../escape/support/machine.ts";

describe("a wall of one experiment", () => {
  it("makes it once for each machine, and fails a check of which it saw nothing", async () => {
    let made = 0;
    const wall = experimentWall({
      name: "doors",
      keeps: "They are shut.",
      source: "1",
      checks: [
        { id: "front", what: "The front door." },
        { id: "back", what: "The back door." },
      ],
      make: async () => {
        made += 1;
        return { front: { attack: { held: true, saw: "shut" }, control: { works: true, saw: "the key fits" } } };
      },
    });
    assert.deepEqual(
      wall.checks.map(({ id, wall: name, source }) => [id, name, source]),
      [
        ["doors.front", "doors", "1"],
        ["doors.back", "doors", "1"],
      ],
    );
    const [one, other] = [{} as Machine, {} as Machine];
    const [front, back] = wall.checks;
    assert.deepEqual(await front?.attack(one), { held: true, saw: "shut" });
    assert.deepEqual(await front?.control(one), { works: true, saw: "the key fits" });
    assert.equal(made, 1);
    await assert.rejects(async () => await back?.attack(other), /nothing was seen of doors\.back/);
    assert.equal(made, 2);
  });
});
