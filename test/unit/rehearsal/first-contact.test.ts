import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { EngineResult } from "../../../rehearsal/engine.ts";
import { estimate, refuseAbove, takeDown, walk } from "../../../rehearsal/first-contact/contact.ts";
import { isGood, markdown, type Report } from "../../../rehearsal/first-contact/report.ts";
import { firstContact } from "../../../rehearsal/first-contact/run.ts";
import { BY_HAND, type Contact, STEPS, type Step } from "../../../rehearsal/first-contact/steps.ts";
import { bySsm } from "../../../rehearsal/first-contact/world.ts";

const result = (exitCode: number, all = ""): EngineResult => ({
  exitCode,
  all,
  stdout: all,
  stderr: "",
  durationMs: 1,
});
const step = (name: string, run: Step["run"], more: Partial<Step> = {}): Step => ({ name, rows: [], run, ...more });
const holds = async (): Promise<string> => "seen";
const fails = async (): Promise<string> => {
  throw new Error("InsufficientInstanceCapacity: none");
};
const contact = { standIn: false } as Contact;
const never = new AbortController().signal;
const inAnHour = Date.now() + 3_600_000;
const said: string[] = [];
const how = { say: (line: string) => void said.push(line), stopped: never, until: inAnHour };

describe("the first contact", () => {
  it("has a step, or a reason why there is none, for each row of fidelity.md that says where to look", () => {
    const page = readFileSync(new URL("../../../docs/fidelity.md", import.meta.url), "utf8");
    const rows = page
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| what |"))
      .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | ?\|$/g, "").trim()))
      .filter(([, , look]) => look !== undefined && look !== "");
    const named = [...STEPS.flatMap((one) => one.rows), ...BY_HAND.map(({ row }) => row)];
    for (const [what = ""] of rows)
      assert.equal(named.filter((name) => what.startsWith(name)).length, 1, `steps for the row "${what}"`);
    for (const name of named)
      assert.equal(rows.filter(([what = ""]) => what.startsWith(name)).length, 1, `rows for "${name}"`);
  });

  it("refuses what may cost more than the budget, and where no price is known", async () => {
    const config = { "cloister:target": "aws", "cloister:machines": '{"one":{}}' };
    const usd = estimate({ ...config, "cloister:region": "eu-central-1" }, 4);
    assert.ok(usd > 0.5 && usd < 20, String(usd));
    assert.throws(
      () => estimate({ ...config, "cloister:region": "xx-nowhere-1" }, 4),
      /prices of xx-nowhere-1 are not known/,
    );
    assert.throws(() => refuseAbove(usd / 2, usd, 4), /nothing was made. Raise the budget, or lower --hours/);
    assert.doesNotThrow(() => refuseAbove(usd, usd, 4));
    const open = async (): Promise<never> => assert.fail("it was opened");
    const args = {
      open,
      standIn: false,
      place: "x",
      region: "eu-central-1",
      folder: "/none",
      hours: 4,
      say: () => {},
      stopped: never,
    };
    await assert.rejects(firstContact({ ...args, budgetUSD: 0.01, consent: async () => true }), /nothing was made/);
    await assert.rejects(firstContact({ ...args, budgetUSD: 100, consent: async () => false }), /not agreed/);
  });

  it("goes on after a step that fails, with advice, and not after one that decides", async () => {
    said.length = 0;
    const { outcomes, ended } = await walk([step("a", fails), step("b", holds)], contact, how);
    assert.deepEqual(
      outcomes.map(({ is }) => is),
      ["fails", "holds"],
    );
    assert.equal(ended, undefined);
    assert.match(said.join("\n"), /InsufficientInstanceCapacity: run `pulumi up --refresh`/);
    const decided = await walk([step("a", fails, { decides: true }), step("b", holds)], contact, how);
    assert.deepEqual(
      decided.outcomes.map(({ is }) => is),
      ["fails", "not tried"],
    );
    assert.equal(decided.ended, "a failed");
  });

  it("begins no step after its time, or when it was told to stop", async () => {
    const late = await walk([step("a", holds)], contact, { ...how, until: Date.now() - 1 });
    assert.deepEqual([late.outcomes[0]?.is, late.ended], ["not tried", "its time was over"]);
    const stop = new AbortController();
    const steps = [
      step("a", async () => {
        stop.abort();
        return "seen";
      }),
      step("b", holds),
    ];
    const stopped = await walk(steps, contact, { ...how, stopped: stop.signal });
    assert.deepEqual(
      [stopped.outcomes.map(({ is }) => is), stopped.ended],
      [["holds", "not tried"], "it was told to stop"],
    );
  });

  it("does not try on the stand-in what that has not", async () => {
    const steps = [step("a", holds, { needs: "machine" }), step("b", holds)];
    const { outcomes } = await walk(steps, { standIn: true } as Contact, how);
    assert.deepEqual(
      outcomes.map(({ is, seen }) => [is, seen]),
      [
        ["not tried", "needs a machine"],
        ["holds", "seen"],
      ],
    );
  });

  it("destroys again after a look at AWS, and says what it could not destroy", async () => {
    const calls: (readonly string[])[] = [];
    const destroy = (codes: number[]) => async (args: readonly string[]) => {
      calls.push(args);
      return result(codes.shift() ?? 1, "DependencyViolation");
    };
    const none = async (): Promise<string[]> => [];
    assert.deepEqual(await takeDown(destroy([1, 0]), none, none, () => {}), []);
    assert.deepEqual(calls, [[], ["--refresh"]]);
    const left = await takeDown(
      destroy([1, 1, 1]),
      async () => ["aws:ec2/vpc:Vpc x (vpc-1)"],
      async () => ["vpc vpc-1"],
      () => {},
    );
    assert.deepEqual(left, [
      "in the stack's state: aws:ec2/vpc:Vpc x (vpc-1)",
      "in the account, and not before: vpc vpc-1",
    ]);
    const blind = async (): Promise<string[]> => {
      throw new Error("expired");
    };
    assert.match(
      (await takeDown(destroy([0]), none, blind, () => {})).join(),
      /AWS cannot be asked for what is left: expired/,
    );
  });

  it("reports in words and says aloud that it was no AWS", () => {
    const report: Report = {
      startedAt: "2026-11-28T01:00:00.000Z",
      endedAt: "2026-11-28T02:00:00.000Z",
      standIn: true,
      account: "123456789012",
      region: "eu-central-1",
      stack: "dev",
      commit: "abc",
      budgetUSD: 5,
      estimateUSD: 2,
      outcomes: [{ step: "a | b", rows: [], is: "fails", seen: "one\ntwo", seconds: 3 }],
      byHand: BY_HAND,
      left: ["vpc vpc-1"],
    };
    const text = markdown(report);
    assert.match(text, /\*\*This was no AWS\.\*\*/);
    assert.match(text, /\| a \\\| b \| fails \| one<br>two \| 3 \|/);
    assert.match(text, /Some may be of others, who made them meanwhile:\n\n- vpc vpc-1/);
    assert.doesNotMatch(markdown({ ...report, standIn: false }), /no AWS/);
    assert.equal(isGood(report), false);
    assert.equal(isGood({ ...report, outcomes: [], left: [] }), true);
    assert.equal(isGood({ ...report, outcomes: [], left: [], ended: "stopped" }), false);
  });

  it("runs scripts by SSM, waits for them, and hands on how they ended", async () => {
    const asked: unknown[] = [];
    const ssm = (statuses: (string | Error)[]) => ({
      sendCommand: async (input: unknown) => {
        asked.push(input);
        return { Command: { CommandId: "c" } };
      },
      getCommandInvocation: async () => {
        const next = statuses.shift();
        if (next instanceof Error) throw next;
        return { Status: next, StandardOutputContent: "out", StandardErrorContent: "err" };
      },
    });
    const early = Object.assign(new Error("x"), { name: "InvocationDoesNotExist" });
    const wait = async (): Promise<void> => {};
    type Ssm = Parameters<typeof bySsm>[0];
    const run = async (...statuses: (string | Error)[]) =>
      await bySsm(ssm(statuses) as unknown as Ssm, "i-1", "id", wait);
    assert.equal(await run(early, "Pending", "InProgress", "Success"), "outerr");
    assert.deepEqual(asked[0], {
      InstanceIds: ["i-1"],
      DocumentName: "AWS-RunShellScript",
      Parameters: { commands: ["id"] },
    });
    await assert.rejects(run("Failed"), /id ended as Failed:\nouterr/);
    await assert.rejects(run(new Error("denied")), /denied/);
  });
});
