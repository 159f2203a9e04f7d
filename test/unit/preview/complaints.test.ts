import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** What users of other tools complain of most, and the tests here that hold it off: file and title. */
const COMPLAINTS: Readonly<Record<string, readonly (readonly [file: string, title: string])[]>> = {
  "one stack's comment takes another's place, or none is found": [
    ["unit/preview/forge", "are one for each stack"],
    ["unit/preview/forge", "are found on the second page of a hundred, and others' quotes of the mark left alone"],
  ],
  "the comment is too long, and cut anywhere": [
    ["unit/preview/comment", "is cut by levels and not by bytes, and is not to be approved then"],
    ["unit/preview/forge", "that are too long for the forge are cut by their levels"],
  ],
  "a secret is shown": [
    ["unit/preview/secrets", "of what the engine marks as secret"],
    [
      "unit/preview/secrets",
      "of a credential of the run, in whatever the program, the engine or the configuration says",
    ],
    ["unit/preview/secrets", "of what looks like a credential in decoded user data"],
  ],
  "the order of a list looks like a change": [
    ["unit/preview/change-set", "is the same whatever the order of events"],
    ["unit/preview/change-set", "is the same whatever the order of sets, statements and actions"],
  ],
  "a plan is applied on a state that has moved": [
    [
      "engine/preview/deploy",
      "is refused, before any call that changes something, when the state or the change has moved",
    ],
    ["unit/preview/approval", "does not begin when the state moves behind its preview"],
  ],
  "a late run overwrites a newer comment, and a change behind main reverts another": [
    ["unit/preview/forge", "of an older run never replace a newer run's"],
    ["unit/preview/forge", "of two runs at once end with the newer one, whoever writes last"],
    ["unit/preview/approval", "tells what has moved: changes, state, base, each for itself"],
  ],
  "a rename is a deletion that nobody sees": [
    ["unit/preview/data", "of a renamed machine: lost, orphaned or refused"],
    ["unit/preview/data", "a remedy is offered only after a preview with it took nothing"],
    ["engine/preview/preview", "of a rename offers what keeps the disk, having tried it"],
  ],
  "a price that is not known is a saving": [
    ["unit/preview/cost", "is not known where a price is not, and never looks like a saving"],
    ["unit/preview/cost", "of what is left behind goes on"],
  ],
  "policies are not in the comment, or a change weakens them": [
    ["unit/preview/policies", "have passed, failed and not decided apart, with the level of the stack"],
    ["unit/preview/workflows", "judge by the base's policies"],
    ["engine/preview/policies", "passes, leaves undecided what only the deploy knows, and stops what is mandatory"],
  ],
  "a comment stays when its change is gone, and drift is seen where there is none": [
    ["unit/preview/forge", "of a change that was taken back say that nothing changes"],
    ["unit/preview/drift", "is none right after a deploy"],
    ["unit/preview/drift", "ignores outputs that AWS computes"],
  ],
};

describe("the ten complaints", () => {
  const has = (file: string, title: string): boolean =>
    readFileSync(new URL(`../../${file}.test.ts`, import.meta.url), "utf8").includes(`it("${title}`);

  for (const [complaint, tests] of Object.entries(COMPLAINTS))
    it(`have their tests: ${complaint}`, () => {
      for (const [file, title] of tests) assert.ok(has(file, title), `test/${file}.test.ts has no test "${title}"`);
    });

  it("a title that is not there is missed (control)", () => {
    assert.equal(Object.keys(COMPLAINTS).length, 10);
    assert.equal(has("unit/preview/forge", "of nothing"), false);
  });
});
