import assert from "node:assert/strict";
import { makeCheck, rowFails } from "./check.ts";
import { chooseWalls, printable } from "./suite.ts";
import { inContainer } from "./support/container-walls.ts";
import type { Machine } from "./support/machine.ts";
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
}): void {
  let machine: Machine | undefined;
  for (const wall of chooseWalls(options.container ? inContainer(WALLS) : WALLS, options.walls)) {
    for (const check of wall.checks) {
      it(`against its walls, ${check.id}: ${check.what}`, async function () {
        // One object for all: the programs of walls run once for each machine.
        machine ??= options.machine();
        const row = await makeCheck(check, machine);
        if (row.verdict === "absent") {
          console.log(printable(`      not here: ${row.attack}`));
          this.skip();
        }
        const problem = rowFails(row);
        assert.equal(problem && printable(problem), undefined);
      });
    }
  }
}
