import assert from "node:assert/strict";
import type { Row, Verdict } from "../../escape/check.ts";
import { outcomeOf, planOf, positiveNumber, wholeNumber } from "../../escape/plan.ts";
import { idsOf } from "../../escape/suite.ts";
import { WALLS } from "../../escape/walls/index.ts";

const rowOf = (verdict: Verdict, wall = "folders"): Row => ({
  id: `${wall}.x`,
  wall,
  what: "",
  source: "1",
  verdict,
  attack: "",
  control: "",
  seconds: 0,
});

describe("what a run of the escape suite attacks", () => {
  it("is all of it, or what is named, without what takes long in a quick one", () => {
    const all = planOf(WALLS, { fuzz: true });
    assert.deepEqual([idsOf(all.walls), all.fuzz], [idsOf(WALLS), true]);
    assert.equal(planOf(WALLS, { fuzz: false }).fuzz, false);
    const named = planOf(WALLS, { fuzz: true, wall: ["marks"], quick: true });
    assert.deepEqual([named.walls.map(({ name }) => name), named.fuzz], [["marks"], false]);
    const ids = idsOf(named.walls);
    assert.ok(ids.includes("marks.fifo") && !ids.includes("marks.output"), `${ids}`);
    assert.deepEqual(planOf(WALLS, { fuzz: true, wall: ["fuzz"] }), { walls: [], fuzz: true });
    assert.equal(planOf(WALLS, { fuzz: true, container: true }).fuzz, false);
  });

  it("is refused before anything is booted when a name is wrong, or nothing is left", () => {
    assert.throws(() => planOf(WALLS, { fuzz: true, wall: ["fuzz", "wals"] }), /there is no wall wals: .*, fuzz$/);
    assert.throws(() => planOf(WALLS, { fuzz: true, wall: ["fuzz"], container: true }), /nothing would be attacked/);
    const slow = WALLS.map((wall) => ({ ...wall, checks: wall.checks.map((check) => ({ ...check, slow: true })) }));
    assert.throws(() => planOf(slow, { fuzz: true, wall: ["marks"], quick: true }), /nothing would be attacked/);
  });

  it("takes numbers without signs, exponents or other bases", () => {
    for (const text of ["", " ", "-1", "1e3", "0x10", "1.5", "7 ", "99999999999999999999"]) {
      assert.throws(() => wholeNumber(text), /whole number/, text);
    }
    assert.deepEqual([wholeNumber("0"), wholeNumber("7"), positiveNumber("40")], [0, 7, 40]);
    assert.throws(() => positiveNumber("0"), /from 1 on/);
  });
});

describe("how a run of the escape suite ends", () => {
  it("is 0 when each check held, and says how many had nothing to attack", () => {
    const { lines, exitCode } = outcomeOf([rowOf("held"), rowOf("absent")], 7);
    assert.deepEqual([lines, exitCode], [["2 of 2 checks passed; 1 of them had nothing to attack here"], 0]);
    assert.deepEqual(outcomeOf([rowOf("held")], 7).lines, ["1 of 1 checks passed"]);
  });

  it("is 1 for every other end, and for none, with the walls to attack again", () => {
    for (const verdict of ["broken", "unproven", "error"] as const) {
      const { lines, exitCode } = outcomeOf(
        [rowOf(verdict), rowOf(verdict), rowOf(verdict, "marks"), rowOf("held")],
        7,
      );
      assert.equal(exitCode, 1, verdict);
      assert.deepEqual(lines, ["1 of 4 checks passed", "again: npm run test:escape -- --seed 7 --wall folders marks"]);
    }
    assert.equal(outcomeOf([], 7).exitCode, 1);
  });
});
