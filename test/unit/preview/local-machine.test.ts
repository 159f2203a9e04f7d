import assert from "node:assert/strict";
import { buildDocument } from "../../../preview/change-set/build.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { inputsOf } from "../../support/preview/documents.ts";
import { documentOfSteps, type Step } from "../../support/preview/steps.ts";

const COMMAND = "command:local:Command";
const create = (step: string) =>
  `if [ -e x ]; then p=.; fi; exec node $p/lib/run.cjs infra/local/steps/main.ts ${step} create`;

/** Effects on machines, of the engine's steps for some commands: the step's name, and what the engine does. */
function effectsOf(...commands: readonly (readonly [step: string, op: string])[]): string[] {
  const steps = commands.map(([step, op]) => {
    const urn = `urn:pulumi:local::cloister::${COMMAND}::${step}`;
    const state = (was: string) => ({
      ...{ type: COMMAND, urn, id: "id-1", parent: "", protect: false, retainOnDelete: false },
      inputs: { create: create(step), environment: { INPUT: was } },
    });
    const metadata = {
      op,
      urn,
      type: COMMAND,
      old: op === "create" ? null : state("a"),
      new: op === "delete" ? null : state("b"),
    };
    return { resourcePreEvent: { metadata } };
  });
  const resourceChanges: Record<string, number> = {};
  for (const [, op] of commands) resourceChanges[op] = (resourceChanges[op] ?? 0) + 1;
  const events = [...steps, { summaryEvent: { result: "succeeded", resourceChanges } }];
  const text = events.map((event, i) => JSON.stringify({ sequence: i + 1, timestamp: 1, ...event })).join("\n");
  const document = buildDocument(inputsOf("none", () => text));
  assert.deepEqual(document.doubts, []);
  return document.machines.map(({ effect, name, note }) => `${effect} ${name}: ${note}`);
}

describe("what becomes of the session disk of a machine of this computer", () => {
  const step = (op: string, before?: object, after?: object): Step => {
    const side = (input?: object) =>
      input && { create: create("session-disk"), environment: { CLOISTER_STEP_INPUT: JSON.stringify(input) } };
    return { type: COMMAND, op, name: "session-disk", old: side(before), new: side(after) };
  };
  const disk = { root: "/a", sizeGiB: 20 };
  const fateOf = (one: Step): string =>
    documentOfSteps([one])
      .data.map(({ fate, kind, gib }) => `${fate} ${kind} ${gib}`)
      .join();

  it("is lost when it goes, also with the whole stack or to another target", () => {
    assert.equal(fateOf(step("delete", disk)), "lost disk 20");
    assert.equal(fateOf(step("replace", disk, disk)), "lost disk 20");
    assert.match(verdictText(documentOfSteps([step("delete", disk)])), /🚨 dev · deletes the disk session-disk/);
  });

  it("stays where the folder is another one, and the machine gets an empty one", () => {
    assert.equal(fateOf(step("update", disk, { ...disk, root: "/b" })), "detached disk 20");
    assert.equal(fateOf(step("update", disk, { ...disk, sizeGiB: 30 })), "", "the control: it grows");
    assert.equal(fateOf(step("create", undefined, disk)), "", "the control: it is new");
    const other = { ...step("delete", disk), old: { create: create("root-disk") } };
    assert.equal(fateOf(other), "", "the control: another step");
  });
});

describe("what becomes of a container of this computer", () => {
  it("is made anew by any change", () => {
    assert.deepEqual(effectsOf(["container", "create"]), ["created container: "]);
    assert.deepEqual(effectsOf(["container", "replace"]), [
      "replaced container: All sessions in it end; what is in its folders stays.",
    ]);
    assert.deepEqual(effectsOf(["container", "delete"]), ["deleted container: All sessions in it end."]);
  });
});

describe("what becomes of a machine of this computer", () => {
  it("restarts when its step changes and its root disk does not, also where Pulumi calls that a replacement", () => {
    const restarts = ["restarts machine: All that runs on it ends; its disks stay."];
    assert.deepEqual(effectsOf(["session-disk", "update"], ["machine", "update"]), restarts);
    assert.deepEqual(effectsOf(["root-disk", "same"], ["machine", "replace"]), restarts);
  });

  it("is a new one with a new root disk, and nothing when nothing of it changes", () => {
    assert.deepEqual(effectsOf(["root-disk", "replace"], ["machine", "replace"]), [
      "replaced machine: All that runs on it ends; its root disk is new.",
    ]);
    assert.deepEqual(effectsOf(["root-disk", "create"], ["machine", "create"]), ["created machine: "]);
    assert.deepEqual(effectsOf(["root-disk", "delete"], ["machine", "delete"]), [
      "deleted machine: All sessions on it end.",
    ]);
    assert.deepEqual(effectsOf(["machine", "same"], ["other", "update"]), []);
  });
});
