import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "../../../rehearsal/first-contact/report.ts";
import { type FirstContactArgs, firstContact } from "../../../rehearsal/first-contact/run.ts";
import { STEPS, type Step } from "../../../rehearsal/first-contact/steps.ts";
import { standInWorld } from "../../../rehearsal/first-contact/world.ts";

/** What the command does with `--account`, but with moto in the place of the account. */
describe("the first contact (rehearsed with moto)", function () {
  this.timeout(400_000);
  this.slow(90_000);
  let folder: string;
  const said: string[] = [];
  const stop = new AbortController();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-contact-"));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  const args = (more: Partial<FirstContactArgs> = {}): FirstContactArgs => ({
    open: async () => await standInWorld(),
    standIn: true,
    place: "moto",
    region: "eu-central-1",
    folder,
    budgetUSD: 20,
    hours: 4,
    consent: async () => true,
    say: (line) => void said.push(line),
    stopped: stop.signal,
    ...more,
  });
  const report = async (): Promise<Report> => JSON.parse(await readFile(join(folder, "report.json"), "utf8")) as Report;

  it("goes through its steps, says aloud that it was no AWS, and leaves nothing", async () => {
    const good = await firstContact(args());
    const { outcomes, left, ended } = await report();
    assert.equal(good, true, JSON.stringify(outcomes, undefined, 1));
    assert.equal(ended, undefined);
    assert.deepEqual(left, []);
    assert.deepEqual(
      outcomes.map(({ step, is }) => [step, is]),
      STEPS.map(({ name, needs }) => [name, needs ? "not tried" : "holds"]),
    );
    assert.match(said[0] ?? "", /THIS IS NO AWS/);
    assert.match(await readFile(join(folder, "report.md"), "utf8"), /\*\*This was no AWS\.\*\*/);
  });

  it("destroys all of it after a step that failed and a Ctrl-C, and says so", async () => {
    const up = STEPS.filter(({ name }) => name === "up");
    const broken: Step[] = [
      {
        name: "breaks",
        rows: [],
        run: async ({ pulumi }) => {
          const { exitCode } = await pulumi(["no-such-command"]);
          throw new Error(`it ended with ${exitCode}`);
        },
      },
      {
        name: "is interrupted",
        rows: [],
        run: async ({ clients }) => {
          const { Vpcs = [] } = await clients.ec2.describeVpcs({});
          stop.abort();
          return `${Vpcs.length} networks`;
        },
      },
    ];
    const good = await firstContact(args({ steps: [...up, ...broken, ...up] }));
    const { outcomes, left, ended } = await report();
    assert.equal(good, false);
    assert.deepEqual(
      outcomes.map(({ is }) => is),
      ["holds", "fails", "holds", "not tried"],
    );
    assert.match(outcomes[2]?.seen ?? "", /^2 networks$/, "beside the account's own there was the stack's");
    assert.equal(ended, "it was told to stop");
    assert.deepEqual(left, [], "inventory and state are as before");
  });
});
