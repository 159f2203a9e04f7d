import assert from "node:assert/strict";
import { makeCheck, type Row, rowFails } from "./check.ts";
import { runFuzz } from "./fuzz/run.ts";
import { chooseWalls, printable, quickWalls } from "./suite.ts";
import { inContainer } from "./support/container-walls.ts";
import { type Machine, quick } from "./support/machine.ts";
import { WALLS } from "./walls/index.ts";

/**
 * The escape suite as tests of a suite that has a machine which is up: they stand among its own, not in a suite below, which
 * would run when the machine is gone.
 */
export function escapeCases(options: {
  readonly machine: () => Machine;
  /** Names of the walls; default: all. */
  readonly walls?: readonly string[];
  /** True for a container, where some checks do not apply. Default: false. */
  readonly container?: boolean;
  /** Walls of which all checks are made; of the others those that take long are left out. Default: all walls. */
  readonly whole?: readonly string[];
}): void {
  const machines: { whole?: Machine; quick?: Machine } = {};
  // One object for all checks of a kind: the programs of walls run once for each.
  const asked = (isQuick: boolean): Machine => {
    machines.whole ??= options.machine();
    machines.quick ??= { ...machines.whole, scale: quick(machines.whole.scale) };
    return isQuick ? machines.quick : machines.whole;
  };
  const judge = (row: Row): void => {
    const problem = rowFails(row);
    assert.equal(problem && printable(problem), undefined);
  };
  const { whole } = options;
  for (const wall of chooseWalls(options.container ? inContainer(WALLS) : WALLS, options.walls)) {
    const isQuick = whole !== undefined && !whole.includes(wall.name);
    for (const check of (isQuick ? quickWalls([wall]) : [wall]).flatMap(({ checks }) => checks)) {
      it(`against its walls, ${check.id}: ${check.what}`, async function () {
        const row = await makeCheck(check, asked(isQuick));
        if (row.verdict === "absent") {
          console.log(printable(`      not here: ${row.attack}`));
          this.skip();
        }
        judge(row);
      });
    }
  }
  if (options.container || options.walls) return;
  it("against its walls, fuzz: a few rounds of arrangements against every act of the machine", async () => {
    judge(await runFuzz(asked(whole !== undefined), (line) => console.log(printable(`      ${line}`))));
  });
}
