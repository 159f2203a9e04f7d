import assert from "node:assert/strict";
import type { Engine } from "../../../preview/engine.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";

/** The rehearsal's engine, as previews want it. */
export function engineOf({ engine }: Rehearsal): Engine {
  return {
    async *lines(args, env) {
      const { stdout } = await engine.run(args, { ...env });
      yield* stdout.split("\n");
    },
    async text(args) {
      const { exitCode, stdout, all } = await engine.run(args);
      assert.equal(exitCode, 0, all);
      return stdout;
    },
  };
}
