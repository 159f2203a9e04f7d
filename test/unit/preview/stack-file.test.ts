/** Spellings of a stack's file that would leave a deploy on AWS unjudged. */
import assert from "node:assert/strict";
import { readConfig } from "../../../preview/parts/config.ts";
import { isOnAws } from "../../../preview/parts/stack-file.ts";
import { documentOfSteps, type Step } from "../../support/preview/steps.ts";

const config = (line: string): string => `config:\n  ${line}\n`;

describe("a stack's file that hides its target", () => {
  for (const [what, text] of Object.entries({
    plain: config("cloister:target: aws"),
    "as JSON in a text": config(`cloister:target: '"aws"'`),
    "as JSON with spaces": config(`cloister:target: ' "aws"'`),
    encrypted: config("cloister:target: { secure: v1:aaaa }"),
    "without a namespace": config("target: aws"),
    "with the older namespace": config("cloister:config:target: aws"),
    "by a merged key": "x: &x { cloister:target: aws }\nconfig: { <<: *x }\n",
    "by a merged file": "x: &x { config: { cloister:target: aws } }\n<<: *x\n",
    "in two spellings": "config: { target: aws, cloister:target: local }\n",
    twice: "config: { cloister:target: aws, cloister:target: local }\n",
    "in an environment": "environment: [x]\nconfig: {}\n",
    "with escapes": `config: { "cloister:\\x74arget": aws }\n`,
    "of no kind": config("cloister:target: [local]"),
    "in what is no YAML": "config: { cloister:target: local\n",
    "in the first of two documents": "config: { cloister:target: aws }\n---\nconfig: {}\n",
  }))
    it(`is judged: ${what}`, () => assert.equal(isOnAws(text), true));

  it("is not judged elsewhere (control)", () => {
    for (const text of [
      "",
      "config:\n",
      "encryptionsalt: v1:x\nconfig: {}\n",
      config("cloister:target: local"),
      config("cloister:target: container # here"),
      config("target: local"),
      config("other:target: aws"),
    ])
      assert.equal(isOnAws(text), false, text);
  });

  const bucket: Step = { type: "aws:s3/bucket:Bucket", op: "create", name: "b", new: {} };
  const there: Step = { type: "aws:ec2/vpc:Vpc", op: "same", name: "vpc", id: "vpc-1", old: {}, new: {} };
  const local: Step = { type: "cloister:local:Machine", op: "create", name: "one", new: {} };

  it("is not approved where resources of AWS are seen and no policy was asked", () => {
    for (const steps of [[bucket], [there, local]]) {
      const document = documentOfSteps(steps, { unjudged: true });
      assert.equal(document.complete, false);
      assert.match(document.doubts.join("\n"), /^no policy was asked, and there are resources of AWS/);
    }
    // A stack that leaves AWS has nothing there that a policy could judge.
    const leaves = documentOfSteps([{ ...there, op: "delete", new: undefined }, local], { unjudged: true });
    assert.deepEqual([leaves.doubts, leaves.complete], [[], true]);
    assert.deepEqual(documentOfSteps([bucket]).doubts, [], "the control: it was not asked for");
    assert.deepEqual(documentOfSteps([local], { unjudged: true }).doubts, [], "the control: nothing of AWS");
  });

  it("is read as the engine reads it, also in the table of the configuration", () => {
    const plainly = readConfig("config: { cloister:target: aws, cloister:region: eu-central-1 }\n");
    for (const text of [
      "config: { target: aws, cloister:config:region: eu-central-1 }\n",
      "x: &x { cloister:target: aws }\nconfig: { <<: *x, region: eu-central-1 }\n",
    ])
      assert.deepEqual(readConfig(text), plainly, text);
    assert.match(readConfig("config: { target: aws, cloister:target: local }\n").problem ?? "", /two spellings/);
  });
});
