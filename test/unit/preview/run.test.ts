/** Runs of a preview, with an engine that only streams. */
import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Engine } from "../../../preview/engine.ts";
import { previewStack } from "../../../preview/run.ts";
import { eventsOf, type Step, stateOf } from "../../support/preview/steps.ts";

const STEPS: Step[] = [{ type: "aws:ec2/eip:Eip", op: "update", old: { tags: {} }, new: { tags: { a: "b" } } }];
const CONFIG = "config:\n  cloister:target: aws\n  cloister:region: eu-central-1\n";

describe("a run of a preview", function () {
  this.timeout(20_000);
  let begun = 0;
  let ended = 0;
  const engine: Engine = {
    async *lines() {
      begun++;
      await wait(50);
      yield* eventsOf(STEPS).split("\n");
      ended++;
    },
    text: async () => stateOf(STEPS),
  };
  const options = { engine, stack: "dev", base: CONFIG, head: CONFIG, both: true };

  beforeEach(() => {
    [begun, ended] = [0, 0];
  });

  it("ends when its engine has, also when what runs beside it fails", async () => {
    const meanwhile = async (): Promise<never> => {
      throw new Error("no renderer");
    };
    await assert.rejects(previewStack({ ...options, both: false, meanwhile }), /no renderer/);
    assert.deepEqual([begun, ended], [1, 1]);
  });

  it("ends its engine when what reads it fails", async () => {
    let isLeft = true;
    const lines = (bad: boolean) =>
      async function* () {
        try {
          // No line of the engine's: the collector takes texts alone.
          if (bad) yield undefined as unknown as string;
          yield* eventsOf(STEPS).split("\n");
        } finally {
          isLeft = false;
        }
      };
    await assert.rejects(previewStack({ ...options, both: false, engine: { ...engine, lines: lines(true) } }));
    assert.equal(isLeft, false);
    const read = await previewStack({ ...options, both: false, engine: { ...engine, lines: lines(false) } });
    assert.equal(read.changes.length, 1, "the control");
  });

  it("starts the engine before anything that it does not need, and ends it when that fails", async () => {
    const order: string[] = [];
    let left = true;
    const observed: Engine = {
      ...engine,
      async *lines(_args, _env, signal) {
        order.push("engine");
        try {
          await wait(50);
          // An engine that is silent for long.
          if (order.includes("wrong")) await wait(60_000, undefined, { ...(signal ? { signal } : {}) });
          yield* eventsOf(STEPS).split("\n");
        } finally {
          left = false;
        }
      },
    };
    let tell = (): void => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const started = (): void => {
      order.push("started");
      tell();
    };
    const common = { ...options, both: false, engine: observed, started };
    const document = await previewStack({ ...common, base: told.then(() => CONFIG) });
    assert.deepEqual([order, document.changes.length, left], [["engine", "started"], 1, false]);
    left = true;
    order.push("wrong");
    const base = told.then(() => Promise.reject(new Error("there is no such commit")));
    await assert.rejects(previewStack({ ...common, base }), /no such commit/);
    assert.equal(left, false);
  });

  it("with the base needs the base first", async () => {
    let tell = (): void => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const base = told.then(() => CONFIG);
    const { changes } = await previewStack({ ...options, base, started: tell });
    assert.equal(changes.length, 1);
  });

  it("of equal configurations is one preview, all of which the base does as well", async () => {
    const { pending, changes } = await previewStack(options);
    assert.equal(begun, 1);
    assert.deepEqual(
      pending,
      changes.map(({ urn }) => urn),
    );
    assert.equal(changes.length, 1);
  });

  it("of other configurations is two (control)", async () => {
    await previewStack({ ...options, base: `${CONFIG}  cloister:logRetentionDays: 7\n` });
    assert.equal(begun, 2);
  });
});
