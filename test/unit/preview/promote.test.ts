import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { branchWith, refuseUnready } from "../../../preview/promote/branch.ts";
import { type Compared, compareStacks } from "../../../preview/promote/differences.ts";
import { promote } from "../../../preview/promote/promote.ts";
import { type Purpose, readPurposes } from "../../../preview/promote/purpose.ts";
import { Scrubber } from "../../../preview/secrets/scrub.ts";

const STAGING = `# staging
config:
  cloister:target: aws
  cloister:region: eu-central-1
  # the newest
  cloister:tools: { git: true }
  cloister:machines: { one: {}, build: { instanceType: m8g.large, sessionDiskGiB: 40 } }
  cloister:pools:
    workers: { min: 1, max: 4, spot: { onDemandBase: 1, instanceTypes: [m8g.xlarge] } }
  cloister:logRetentionDays: 30 # by the month
  cloister:onDestroy: keep-data
  cloister:tags: { team: platform }
  cloister:snapshots: { everyHours: 12 }
  cloister:modelKeySecret:
    secure: v1:abc:def
`;
const PROD = `# production: nothing deletes it
config:
  cloister:target: aws
  cloister:region: eu-central-1

  cloister:machines: { one: {} } # the first
  # sizes of the day
  cloister:pools:
    workers:
      min: 3 # never less
      # by contract
      max: 60
      schedules:
        day: { cron: 0 7 * * 1-5, timeZone: Europe/Berlin, min: 12, max: 60, desired: 12 }
  cloister:logRetentionDays: 365
  cloister:onDestroy: refuse # never otherwise
  cloister:tags: {team: platform}
  # cloister:budget: { monthlyUSD: 2500 }
`;
const purpose = (key: string, more: Partial<Purpose> = {}): Purpose => ({
  key,
  stacks: ["prod", "staging"],
  reason: "they differ for a good reason",
  by: "platform",
  since: "2026-01-01",
  ...more,
});
const DAY = "2026-11-28";
const files = (staging = STAGING, prod = PROD) => ({
  from: { stack: "staging", text: staging },
  to: { stack: "prod", text: prod },
});
function compare(purposes: readonly Purpose[] = [], { from, to } = files()): Compared {
  return compareStacks(from, to, purposes, DAY, new Scrubber());
}
const take = (keys: readonly string[], purposes: readonly Purpose[] = [], both = files()) =>
  promote(both.from, both.to, keys, compare(purposes, both));
/** Lines that only one of two texts has. */
function changed(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  return [
    ...old.filter((one) => !now.includes(one)).map((one) => `-${one}`),
    ...now.filter((one) => !old.includes(one)).map((one) => `+${one}`),
  ];
}

describe("what two stacks differ in", () => {
  it("is a question, on purpose, or a secret; defaults count as set", () => {
    const { differences, unused } = compare([purpose("onDestroy"), purpose("pools.workers"), purpose("zones")]);
    const of = (key: string) => differences.find((one) => one.key === key);
    assert.equal(of("onDestroy")?.is, "on purpose");
    assert.equal(of("pools.workers.max")?.is, "on purpose");
    assert.equal(of("logRetentionDays")?.is, "question");
    assert.equal(of("modelKeySecret")?.is, "secret");
    assert.ok(!differences.some(({ key }) => key.startsWith("tags")));
    assert.deepEqual(
      unused.map(({ key }) => key),
      ["zones"],
    );
    assert.ok(!JSON.stringify(differences).includes("v1:abc:def"));
  });

  it("is a question again when its date is over, or when it is of other stacks", () => {
    const is = (one: Purpose) => compare([one]).differences.find(({ key }) => key === "onDestroy")?.is;
    assert.equal(is(purpose("onDestroy", { until: "2026-11-28" })), "on purpose");
    assert.equal(is(purpose("onDestroy", { until: "2026-11-27" })), "expired");
    assert.equal(is(purpose("onDestroy", { stacks: ["dev", "prod"] })), "question");
    assert.equal(is(purpose("onDest")), "question");
  });

  it("the list says all that is wrong in it at once", () => {
    const bad = "differences:\n  - { key: a, stacks: [x], reason: short, by: me, since: 2026-13-40 }\n";
    assert.throws(
      () => readPurposes(bad),
      (error: Error) => ["two stacks", "too short", "no day"].every((word) => error.message.includes(word)),
    );
    assert.throws(() => readPurposes("differences: [}"), /promotion.yaml/);
    assert.deepEqual(readPurposes(""), []);
  });

  it("this project's own list is read, and nothing in it is unused", async () => {
    const root = new URL("../../../", import.meta.url);
    const text = async (file: string) => await readFile(new URL(file, root), "utf8");
    const both = files(await text("Pulumi.staging.yaml"), await text("Pulumi.prod.yaml"));
    const { differences, unused } = compare(readPurposes(await text("promotion.yaml")), both);
    assert.deepEqual(unused, []);
    assert.deepEqual(new Set(differences.map(({ is }) => is)), new Set(["on purpose"]));
  });
});

describe("keys that are taken over", () => {
  it("change their own lines and nothing else: comments, order and notation stay", () => {
    const { text, taken } = take(["logRetentionDays", "onDestroy", "machines.build", "pools.workers.max"]);
    assert.deepEqual(taken.length, 4);
    assert.deepEqual(changed(PROD, text), [
      "-  cloister:machines: { one: {} } # the first",
      "-      max: 60",
      "-  cloister:logRetentionDays: 365",
      "-  cloister:onDestroy: refuse # never otherwise",
      "+  cloister:machines: { one: {}, build: { instanceType: m8g.large, sessionDiskGiB: 40 } } # the first",
      "+      max: 4",
      "+  cloister:logRetentionDays: 30",
      "+  cloister:onDestroy: keep-data # never otherwise",
    ]);
  });

  it("come where the other file has them, and go where it has none", () => {
    const { text } = take(["pools.workers", "snapshots"]);
    assert.deepEqual(changed(PROD, text), [
      "-      min: 3 # never less",
      "-      max: 60",
      "-      schedules:",
      "-        day: { cron: 0 7 * * 1-5, timeZone: Europe/Berlin, min: 12, max: 60, desired: 12 }",
      "+      min: 1 # never less",
      "+      max: 4",
      "+      spot: { onDemandBase: 1, instanceTypes: [m8g.xlarge] }",
      "+  cloister:snapshots: { everyHours: 12 }",
    ]);
    assert.ok(text.indexOf("cloister:snapshots") < text.indexOf("# cloister:budget"));
    const back = promote(
      { stack: "prod", text: PROD },
      { stack: "staging", text: STAGING },
      ["pools.workers.schedules"],
      compareStacks({ stack: "prod", text: PROD }, { stack: "staging", text: STAGING }, [], DAY, new Scrubber()),
    );
    assert.match(back.text, /workers: \{ min: 1, max: 4, spot: .*, schedules: \{ day: \{ cron: 0 7 \* \* 1-5, /);
  });

  it("are never secrets, nor what differs on purpose below a key", () => {
    const { text, taken, left } = take(["pools", "modelKeySecret"], [purpose("pools.workers.max")]);
    assert.ok(!taken.includes("pools.workers.max") && taken.includes("pools.workers.min"));
    assert.deepEqual(
      left.map(({ key, is }) => `${key} ${is}`),
      ["pools.workers.max on purpose", "modelKeySecret secret"],
    );
    assert.ok(!text.includes("secure") && !text.includes("v1:abc"));
    assert.match(text, /max: 60/);
  });

  it("are refused all at once, before anything is changed", () => {
    assert.throws(
      () => take(["tags", "nothing", "onDestroy"], [purpose("onDestroy")]),
      (error: Error) =>
        ["tags: ", "nothing: ", "onDestroy: differs on purpose"].every((word) => error.message.includes(word)),
    );
    const bad = files(STAGING.replace("30 # by", "31 # by"));
    assert.throws(() => take(["logRetentionDays"], [], bad), /Nothing was changed: .*\n.*logRetentionDays/);
    const alias = PROD.replace(
      "cloister:machines: { one: {} }",
      "aws:some: &some { one: {} }\n  cloister:machines: *some",
    );
    assert.throws(() => take(["machines.build"], [], files(STAGING, alias)), /machines.build: .*by hand/);
  });
});

describe("the branch of a promotion (real git)", function () {
  this.timeout(60_000);
  let folder: string;
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa("git", args, { cwd: folder });
    return stdout;
  };
  const change = { branch: "promote", file: "Pulumi.prod.yaml", text: PROD.replace("365", "30"), message: "prod: one" };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-promote-"));
    await git("init", "--quiet", "--initial-branch", "main");
    for (const [key, value] of [
      ["user.name", "someone"],
      ["user.email", "someone@example.com"],
      ["commit.gpgsign", "false"],
      ["core.hooksPath", join(folder, ".git/hooks")],
    ] as const)
      await git("config", key, value);
    await writeFile(join(folder, "Pulumi.staging.yaml"), STAGING);
    await writeFile(join(folder, "Pulumi.prod.yaml"), PROD);
    await git("add", ".");
    await git("commit", "--quiet", "--message", "both");
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  it("has one commit, which changes one file, and says how to ask for its merge", async () => {
    await writeFile(join(folder, "notes.txt"), "not in git");
    await refuseUnready(folder, "promote", ["Pulumi.prod.yaml", "Pulumi.staging.yaml"]);
    const made = await branchWith(folder, change);
    assert.equal(await git("diff", "--stat", "--name-only", "main", "promote"), "Pulumi.prod.yaml");
    assert.equal(await git("rev-list", "--count", "main..promote"), "1");
    assert.equal(await git("show", "promote:Pulumi.prod.yaml"), change.text.trimEnd());
    assert.deepEqual([made.base, made.from], [await git("rev-parse", "main"), "main"]);
    assert.equal(made.next, "git push --set-upstream REMOTE promote");
  });

  it("is asked for where the project lies", async () => {
    await git("remote", "add", "origin", "https://gitlab.example.com/a/b.git");
    assert.match(
      (await branchWith(folder, change)).next,
      /merge_request.create .*merge_request.target=main .*origin promote$/,
    );
    await git("switch", "--quiet", "main");
    await git("remote", "set-url", "origin", "https://github.com/a/b.git");
    const { next } = await branchWith(folder, { ...change, branch: "other" });
    assert.equal(next, "git push --set-upstream origin other && gh pr create --fill --base main --head other");
  });

  it("is asked for with names that a shell takes as they are", async () => {
    await git("switch", "--quiet", "--create", "from;id");
    const branch = "$(id)'x";
    const made = async (name: string) => {
      await git("switch", "--quiet", "from;id");
      const { next } = await branchWith(folder, { ...change, branch: name });
      const { stdout } = await execa("sh", ["-c", `git() { printf '%s\\n' "$@"; }; gh() { git "$@"; }; ${next}`]);
      return { next, words: stdout.split("\n") };
    };
    const alone = await made(branch);
    assert.deepEqual(alone.words, ["push", "--set-upstream", "REMOTE", branch]);
    await git("remote", "add", "origin", "https://github.com/a/b.git");
    const { words } = await made(`${branch}2`);
    assert.deepEqual(words.slice(-4), ["--base", "from;id", "--head", `${branch}2`]);
    await git("remote", "set-url", "origin", "https://gitlab.example.com/a/b.git");
    const lab = await made(`${branch}3`);
    assert.ok(lab.words.includes("merge_request.target=from;id"), lab.next);
    assert.equal(lab.words.at(-1), `${branch}3`);
  });

  it("is refused with all that is in the way: changes, a name that is none, files that git does not know", async () => {
    await writeFile(join(folder, "Pulumi.staging.yaml"), `${STAGING}# changed\n`);
    await assert.rejects(refuseUnready(folder, "a..b", ["Pulumi.eu.yaml"]), (error: Error) =>
      ["not committed", "Pulumi.staging.yaml", "no name of a branch", "Pulumi.eu.yaml is not in git"].every((word) =>
        error.message.includes(word),
      ),
    );
    await git("checkout", "--quiet", "--", ".");
    await git("branch", "promote");
    await assert.rejects(refuseUnready(folder, "promote", []), /is there already/);
  });

  it("leaves the folder as it was when git refuses the commit", async () => {
    const hook = join(folder, ".git/hooks/pre-commit");
    await writeFile(hook, "#!/bin/sh\necho refused by a hook >&2\nexit 1\n");
    await chmod(hook, 0o755);
    await assert.rejects(branchWith(folder, change), /refused by a hook/);
    assert.equal(await git("status", "--porcelain"), "");
    assert.deepEqual(
      [await git("branch", "--format", "%(refname:short)"), await readFile(join(folder, change.file), "utf8")],
      ["main", PROD],
    );
  });
});
