import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AskOfferings, offeringProblems, zonesWithoutTypes } from "../../../../infra/aws/plan/offerings.ts";
import { settingsOf } from "./settings.ts";

const [a, b] = ["eu-central-1a", "eu-central-1b"];
const stack = (changes: Record<string, unknown> = {}) =>
  settingsOf("dev", { "cloister:machines": { one: { zone: a } }, "cloister:pools": {}, ...changes });

describe("zones without an instance type", () => {
  it("are told for a machine's own zone, with the zones that have it", () => {
    assert.deepEqual(offeringProblems(stack(), { "c8g.xlarge": [a] }), []);
    const [problem, ...others] = offeringProblems(stack(), { "c8g.xlarge": [b] });
    assert.deepEqual(others, []);
    assert.equal(problem?.path, "cloister:instanceType");
    assert.match(problem?.message ?? "", /is not offered in eu-central-1a\. It is offered in eu-central-1b/);
    const own = stack({ "cloister:machines": { one: { zone: a, instanceType: "m8g.large" } } });
    assert.equal(offeringProblems(own, { "c8g.xlarge": [a] })[0]?.path, "cloister:machines.one.instanceType");
  });

  it("are told for every zone of a pool, unless one of its Spot types will do there", () => {
    const pool = (more: object) => stack({ "cloister:machines": {}, "cloister:pools": { p: more } });
    const lacking = (more: object, offered: Record<string, string[]>) =>
      offeringProblems(pool(more), offered).map(({ message }) => /in (\S+)\./.exec(message)?.[1]);
    assert.deepEqual(lacking({}, { "c8g.xlarge": [a] }), [b]);
    assert.deepEqual(lacking({}, {}), [a, b]);
    assert.deepEqual(
      lacking({ spot: { instanceTypes: ["m8g.xlarge"] } }, { "c8g.xlarge": [a], "m8g.xlarge": [b] }),
      [],
    );
  });

  describe("by asking AWS", () => {
    let folder: string;
    let asked: string[];
    let doubts: string[];
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-offerings-"));
      [asked, doubts] = [[], []];
    });
    afterEach(async () => await rm(folder, { recursive: true }));
    const look = async (answer: AskOfferings, settings = stack()) =>
      await zonesWithoutTypes({
        settings,
        file: join(folder, "stack", "offerings.json"),
        ask: (region, types) => {
          asked.push([region, ...types].join(" "));
          return answer(region, types);
        },
        doubt: (why) => void doubts.push(why),
      });
    const answers = (zones: string[]): AskOfferings => {
      return async (_region, types) => Object.fromEntries(types.map((type) => [type, zones]));
    };

    it("asks once for what is there, and again for what is not", async () => {
      assert.equal((await look(answers([b]))).length, 1);
      assert.deepEqual(await look(answers([a, b])), []);
      assert.deepEqual(await look(answers([])), []);
      assert.deepEqual(asked, ["eu-central-1 c8g.xlarge", "eu-central-1 c8g.xlarge"]);
      const elsewhere = stack({
        "cloister:region": "eu-west-1",
        "cloister:machines": { one: { zone: "eu-west-1a" } },
      });
      assert.equal((await look(answers([]), elsewhere)).length, 1, "another region is asked for itself");
    });

    it("says so and refuses nothing when AWS does not answer", async () => {
      const fail = Object.assign(new Error("the command failed"), { stderr: "noise\nExpiredToken: sign in again\n" });
      assert.deepEqual(await look(() => Promise.reject(fail)), []);
      assert.match(doubts.join(), /c8g\.xlarge could not be looked up: ExpiredToken: sign in again/);
    });

    it("asks again when what was kept cannot be read", async () => {
      await look(answers([a]));
      await writeFile(join(folder, "stack", "offerings.json"), "{");
      assert.deepEqual(await look(answers([a])), []);
      assert.equal(asked.length, 2);
    });

    it("asks for no type that is refused anyway", async () => {
      assert.deepEqual(await look(answers([]), stack({ "cloister:instanceType": "m5.large" })), []);
      assert.deepEqual(await look(answers([]), stack({ "cloister:instanceType": "c7g.xlarge" })), []);
      assert.deepEqual(asked, []);
    });
  });
});
