import assert from "node:assert/strict";
import { LEAST_TASKS, readHostRun } from "../../../../cli/container/sealed.ts";
import { RunRefused } from "../../../../guest/sessions/request.ts";

const NONE = { allow: [], mount: [], env: [] };

describe("a run in a container of its own", () => {
  it("is refused with fewer tasks than Node can start with, more for the agent, with the reason", async () => {
    for (const [agent, least] of [
      [false, LEAST_TASKS.command],
      [true, LEAST_TASKS.agent],
    ] as const) {
      const read = (tasks: number) => readHostRun(["true"], { ...NONE, agent, tasks: String(tasks) }, {});
      await assert.rejects(read(least - 1), (error) => {
        assert.ok(error instanceof RunRefused);
        assert.match(error.problems[0]?.message ?? "", new RegExp(`needs ${least}: .*threads`));
        return true;
      });
      assert.equal((await read(least)).run.limits?.tasksMax, least, "the control");
    }
  });

  it("tells that beside all other problems", async () => {
    const wrong = { ...NONE, allow: ["a b"], mount: ["/nowhere:x:rx"], tasks: "5", cpus: "none" };
    await assert.rejects(readHostRun(["true"], wrong, {}), (error) => {
      assert.ok(error instanceof RunRefused);
      const said = error.problems.map(({ message }) => message).join("\n");
      for (const what of ["needs 48", "not a host", '"rx"', "no such folder", "--cpus none"])
        assert.ok(said.includes(what), what);
      return true;
    });
  });
});
