import assert from "node:assert/strict";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { driftOfStack, hasDrifted } from "../../../preview/drift/document.ts";
import { rehearsedEngine } from "../../../preview/rehearsed.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { previewStack } from "../../../preview/run.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { CANARY, WORLDS, worldStack } from "../../support/preview/worlds.ts";

describe("drift of a stack on AWS (rehearsed with moto)", function () {
  this.timeout(300_000);
  let stack: Rehearsal;
  let config: string;

  before(async () => {
    stack = await worldStack();
    config = await stack.engine.read("Pulumi.dev.yaml");
  });
  after(async () => await stack.dispose());

  const look = async (world: keyof typeof WORLDS): Promise<ChangeDocument> => {
    await WORLDS[world]?.(stack);
    const document = await driftOfStack(rehearsedEngine(stack), { stack: "dev", config });
    assert.deepEqual([document.complete, document.doubts], [true, []]);
    return document;
  };
  const found = ({ drift }: ChangeDocument): string[] => (drift?.found ?? []).map(({ is, name }) => `${is} ${name}`);

  it("is none after the deploy, and none of what schedules and scaling do", async () => {
    assert.equal(hasDrifted(await look("none")), false);
    const scaled = await look("scaling");
    assert.equal(hasDrifted(scaled), false);
    assert.ok((scaled.drift?.varies.length ?? 0) >= 2);
  });

  it("is a tag, a rule, a right and a protection; a credential among them does not show", async () => {
    assert.deepEqual(found(await look("tag")), ["changed one-session"]);
    const document = await look("rule");
    assert.deepEqual(found(document), [
      "added cloister-dev-machines",
      "added cloister-dev-machine",
      "changed one-session",
      "changed two",
    ]);
    assert.ok(!JSON.stringify(document).includes(CANARY) && !comment(document).text.includes(CANARY));
  });

  it("is a disk that is gone, and a preview says so too, whose changes and digest are the same", async () => {
    await WORLDS["unprotected"]?.(stack);
    const document = await look("disk");
    assert.deepEqual(
      document.data.map(({ fate, name }) => `${fate} ${name}`),
      ["lost one-session", "loosened two-session"],
    );
    const preview = { engine: rehearsedEngine(stack), stack: "dev", base: config, head: config };
    const [plain, looked] = [await previewStack(preview), await previewStack({ ...preview, drift: true })];
    assert.deepEqual([plain.drift, looked.digest], [null, plain.digest]);
    assert.deepEqual(looked.drift?.found.map(({ name }) => name).slice(0, 1), ["one-session"]);
    assert.match(comment(looked).text, /· drift: 2 gone, 2 added, 1 changed/);
  });

  it("a preview with both tells what the base changes as well from what is this change's", async () => {
    await stack.set({ logRetentionDays: 14 });
    const base = await stack.engine.read("Pulumi.dev.yaml");
    await stack.set({ terminationProtection: false });
    const head = await stack.engine.read("Pulumi.dev.yaml");
    const document = await previewStack({ engine: rehearsedEngine(stack), stack: "dev", base, head, both: true });
    const typeOf = (urn: string): string => urn.split("::")[2]?.split(":").at(-1) ?? "";
    const types = (urns: readonly string[]): string[] => [...new Set(urns.map(typeOf))];
    // The volumes: one has lost its protection, above, which the base sets again.
    assert.deepEqual(types(document.pending ?? []), ["LogGroup", "Volume"]);
    const own = document.changes.map(({ urn }) => urn).filter((urn) => !document.pending?.includes(urn));
    assert.ok(own.length > 0 && !types(own).includes("LogGroup"), types(own).join());
  });
});
