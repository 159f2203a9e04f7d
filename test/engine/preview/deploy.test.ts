import assert from "node:assert/strict";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { approvalText, readApproval } from "../../../preview/deploy/approval.ts";
import { type Deployed, deploy } from "../../../preview/deploy/deploy.ts";
import { rehearsedEngine } from "../../../preview/rehearsed.ts";
import { previewStack } from "../../../preview/run.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";

describe("a deploy of what was approved (rehearsed with moto)", function () {
  this.timeout(240_000);
  let stack: Rehearsal;
  let base: string;

  const options = async () => {
    const head = await stack.engine.read("Pulumi.dev.yaml");
    return { engine: rehearsedEngine(stack), stack: "dev", base, head };
  };
  const previewed = async (): Promise<ChangeDocument> => await previewStack(await options());
  const approved = async (text: string): Promise<Deployed> => await deploy(await options(), readApproval(text));
  /** Calls that change something. */
  const changing = async (): Promise<string[]> =>
    (await stack.calls())
      .filter(({ during }) => during !== "read" && during !== "invoke")
      .map(({ service, operation }) => `${service}:${operation}`)
      .filter((call) => !/:(?:Describe|Get|List)/.test(call));

  before(async () => {
    stack = await Rehearsal.create({ stack: "dev" });
    const { exitCode, all } = await stack.engine.up();
    assert.equal(exitCode, 0, all);
    base = await stack.engine.read("Pulumi.dev.yaml");
  });
  after(async () => await stack.dispose());

  it("is refused, before any call that changes something, when the state or the change has moved", async () => {
    await stack.set({ pools: { small: { min: 0, max: 4 } } });
    const stale = approvalText(await previewed());
    // Another change, approved for itself, gets in between.
    await stack.set({ pools: { small: { min: 0, max: 2 } }, logRetentionDays: 30 });
    const other = approvalText(await previewed());
    await stack.forgetCalls();
    assert.equal((await approved(other)).is, "deployed");
    assert.ok((await changing()).includes("logs:PutRetentionPolicy"), "the control: a deploy makes such calls");

    await stack.forgetCalls();
    await stack.set({ pools: { small: { min: 0, max: 4 } } });
    const refused = await approved(stale);
    assert.equal(refused.is, "refused");
    assert.match(refused.because.join(), /state has moved/);
    // The same state, and another change than the approved one.
    const fresh = approvalText(await previewed());
    await stack.set({ pools: { small: { min: 0, max: 5 } } });
    const changed = await approved(fresh);
    assert.deepEqual([changed.is, /the changes are others/.test(changed.because.join())], ["refused", true]);
    assert.deepEqual(await changing(), []);
  });

  it("goes through with its plan, also where machines are replaced, and leaves nothing to do", async () => {
    await stack.set({ pools: { small: { min: 0, max: 5 } }, hostname: "agent" });
    const document = await previewed();
    assert.equal(document.counts.replaced > 0, true);
    const { is, because } = await approved(approvalText(document));
    assert.deepEqual([is, because], ["deployed", []]);
    assert.deepEqual((await previewed()).changes, []);
  });
});
