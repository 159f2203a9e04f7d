import assert from "node:assert/strict";
import { pendingIn } from "../../../preview/change-set/pending.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { documentOf } from "../../support/preview/documents.ts";

const ami = documentOf("ami");
const size = documentOf("pool-size");

describe("what the base changes as well", () => {
  it("is what is the same on the same state, whatever its reason", () => {
    const reasoned = { ...ami, changes: ami.changes.map((one) => ({ ...one, because: [] })) };
    assert.deepEqual(
      pendingIn(ami, reasoned),
      ami.changes.map(({ urn }) => urn),
    );
    const [first, ...rest] = ami.changes;
    assert.ok(first && rest.length > 1);
    assert.deepEqual(
      pendingIn(ami, { ...ami, changes: [{ ...first, properties: [] }, ...rest.slice(1)] }),
      rest.slice(1).map(({ urn }) => urn),
    );
    assert.deepEqual(pendingIn(ami, documentOf("none")), []);
  });

  it("is not known when the base's preview failed or was of another state", () => {
    assert.equal(pendingIn(ami, { ...size, result: "failed" }), null);
    assert.equal(pendingIn(ami, { ...ami, state: { ...ami.state, sha256: "0" } }), null);
  });

  it("is said in the comment, also that there is none, and changes nothing of what is approved", () => {
    const text = (pending: string[] | null): string => comment({ ...ami, pending }).text;
    const [one] = ami.changes;
    assert.match(text([one?.urn ?? ""]), new RegExp(`Not by this change: 1 of ${ami.changes.length}\\*\\*\\.`));
    assert.match(text([]), /All of it is this change's/);
    assert.doesNotMatch(text(null), /this change's|Not by this change/);
    // The head's program runs on both sides: what it alone changes must not pass for the base's.
    const other = comment({ ...ami, pending: [one?.urn ?? ""], programChanged: true }).text;
    assert.match(other, /Not by this change's configuration: 1 of .*the program's, or merged and not deployed/);
    const approval = (comment: string): string | undefined => /To approve: `[^`]+`/.exec(comment)?.[0];
    assert.ok(approval(text(null)));
    assert.equal(approval(text([])), approval(text(null)));
  });
});
