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

  const replaced = (more: Partial<Step>): Step => ({ ...step("replace", disk, disk), ...more });
  const other = (text: string): object => ({ create: text, environment: {} });

  it("is lost whatever the new command's text is: the old one deletes it", () => {
    for (const text of [`${create("session-disk")} --x`, "true", create("root-disk"), ""])
      assert.equal(fateOf(replaced({ new: other(text) })), "lost disk 20", text);
    const odd = { ...(step("delete", disk).old as object), create: "true", delete: create("session-disk") };
    assert.equal(fateOf({ ...step("delete", disk), old: odd }), "lost disk 20", "by the text that runs");
    const root = { ...other(create("root-disk")), delete: create("root-disk") };
    assert.equal(fateOf(replaced({ old: root, new: root })), "", "the control: another step");
  });

  it("is refused where it is protected, and stays where it is kept", () => {
    const gone = (more: Partial<Step>): Step => ({ ...step("delete", disk), ...more });
    assert.equal(fateOf(gone({ protect: [true, false] })), "refused disk 20");
    assert.equal(fateOf(replaced({ protect: [true, true] })), "refused disk 20");
    assert.equal(
      fateOf(replaced({ protect: [true, false] })),
      "lost disk 20",
      "its protection goes in the same change",
    );
    assert.equal(fateOf(gone({ retain: [true, false] })), "detached disk 20");
    assert.equal(fateOf(replaced({ retain: [true, true] })), "", "the new command finds it where it is");
    assert.equal(fateOf(replaced({ retain: [true, true], new: other("true") })), "detached disk 20");
    assert.equal(fateOf(replaced({ retain: [false, true] })), "lost disk 20", "the state decides");
  });

  it("is refused by the deploy where it would be smaller", () => {
    const smaller = documentOfSteps([step("update", disk, { ...disk, sizeGiB: 10 })]);
    assert.deepEqual(
      smaller.data.map(({ fate }) => fate),
      ["refused-in-deploy"],
    );
    assert.match(smaller.data[0]?.why ?? "", /has 20 GiB and cannot shrink to 10/);
    assert.match(verdictText(smaller), /^⛔ dev · the deploy fails on its way: it makes no disk smaller/);
    assert.doesNotMatch(verdictText(smaller), /no data at risk/);
    assert.match(smaller.doubts.join(), /no session disk is made smaller/);
    assert.equal(
      fateOf(replaced({ retain: [true, true], new: step("update", disk, { ...disk, sizeGiB: 9 }).new })),
      "refused-in-deploy disk 20",
    );
    assert.equal(fateOf(step("update", disk, { root: "/b", sizeGiB: 10 })), "detached disk 20", "a new one elsewhere");
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
