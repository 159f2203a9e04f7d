import assert from "node:assert/strict";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { rehearsedEngine } from "../../../preview/rehearsed.ts";
import { previewStack } from "../../../preview/run.ts";
import { clientsOf } from "../../../rehearsal/look.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { BASE } from "../../support/preview/scenarios.ts";

describe("a preview of a stack on AWS (rehearsed with moto)", function () {
  this.timeout(240_000);
  let stack: Rehearsal;
  let base: string;

  const preview = async (config: Readonly<Record<string, unknown>>): Promise<ChangeDocument> => {
    await stack.set(config);
    const head = await stack.engine.read("Pulumi.dev.yaml");
    return await previewStack({ engine: rehearsedEngine(stack), stack: "dev", base, head });
  };
  const up = async (): Promise<void> => {
    const { exitCode, all } = await stack.engine.up();
    assert.equal(exitCode, 0, all);
    base = await stack.engine.read("Pulumi.dev.yaml");
  };

  before(async () => {
    stack = await Rehearsal.create({ stack: "dev", config: { ...BASE, onDestroy: "refuse" } });
    await up();
  });
  after(async () => await stack.dispose());

  it("of nothing has one digest, and leaves the state as it is", async () => {
    const [one, other] = [await preview({}), await preview({})];
    assert.deepEqual([one.doubts, one.changes, one.data], [[], [], []]);
    assert.deepEqual([other.digest, other.state], [one.digest, one.state]);
  });

  it("of a rename offers what keeps the disk, having tried it", async () => {
    const document = await preview({ machines: { build: {}, two: {} } });
    assert.equal(document.result, "failed");
    assert.deepEqual(
      document.data.map(({ fate, name, renamedTo }) => [fate, name, renamedTo]),
      [["refused", "one-session", "build"]],
    );
    const [rename] = document.renames;
    assert.match(rename?.remedy?.config ?? "", /was: one\n\s*zone: eu-central-1b/);
    assert.equal(rename?.remedy?.deleted, 0);
  });

  it("tells the truth of a disk that moves while its protection goes: it stays in the account, and an empty one comes", async () => {
    const document = await preview({
      onDestroy: "delete-data",
      machines: { one: { zone: "eu-central-1a" }, two: {} },
    });
    const [disk] = document.data;
    assert.equal(`${disk?.fate} ${disk?.name}`, "orphaned one-session");
    await up();
    const { ec2 } = clientsOf(stack.moto.endpoint);
    const { Volumes = [] } = await ec2.describeVolumes({ VolumeIds: [disk?.id ?? ""] });
    assert.deepEqual(
      Volumes.map(({ State, Attachments }) => [State, Attachments]),
      [["available", []]],
    );
    const outputs = (await stack.engine.outputs())["machines"] as Record<string, { sessionVolumeId: string }>;
    assert.notEqual(outputs["one"]?.sessionVolumeId, disk?.id);
  });
});
