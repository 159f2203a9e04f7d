import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { stacksOf } from "../../../preview/workflow/stacks.mjs";

const root = new URL("../../../", import.meta.url);
const folder = new URL(".github/workflows/", root);

interface Job {
  readonly permissions?: Record<string, string>;
  readonly concurrency?: { readonly "cancel-in-progress": boolean; readonly group: string };
  readonly environment?: string;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[];
}
interface Workflow {
  readonly on: Record<string, unknown>;
  readonly permissions: Record<string, string>;
  readonly concurrency?: Job["concurrency"];
  readonly jobs: Readonly<Record<string, Job>>;
}

const workflows = Object.fromEntries(
  readdirSync(folder).map((file) => [file, parse(readFileSync(new URL(file, folder), "utf8")) as Workflow]),
);
const jobs = Object.entries(workflows).flatMap(([file, { jobs: all }]) =>
  Object.entries(all).map(([name, job]) => ({ name: `${file} ${name}`, job })),
);
const job = (file: string, name: string): Job => {
  const found = workflows[file]?.jobs[name];
  assert.ok(found, `${file} has the job ${name}`);
  return found;
};

describe("the workflows", () => {
  it("pin each action by its commit, and leave no token in a checkout", () => {
    const uses = jobs.flatMap(({ job: { steps } }) => steps.filter((step) => step.uses !== undefined));
    assert.ok(uses.length > 10);
    for (const step of uses) {
      assert.match(step.uses ?? "", /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      if (step.uses?.startsWith("actions/checkout@")) assert.equal(step.with?.["persist-credentials"], false);
    }
  });

  it("give nothing by default, and no job both the account and the forge", () => {
    for (const [file, { permissions, on }] of Object.entries(workflows)) {
      assert.deepEqual(permissions, file === "ci.yml" ? { contents: "read" } : {}, file);
      assert.ok(!("pull_request_target" in on), file);
    }
    for (const { name, job: one } of jobs.filter((found) => !found.name.startsWith("ci.yml"))) {
      const { contents, ...rights } = one.permissions ?? {};
      assert.equal(contents, "read", name);
      // A run's artifacts are read by `actions: read`, which shows nothing of the account.
      const strong = Object.keys(rights).filter((right) => !(right === "actions" && rights[right] === "read"));
      assert.ok(strong.length <= 1, `${name} has one right: ${strong.join(", ")}`);
      assert.ok((one["timeout-minutes"] ?? 0) > 0, name);
    }
    assert.deepEqual(job("preview.yaml", "account").permissions, { contents: "read", "id-token": "write" });
    assert.deepEqual(job("preview.yaml", "comment").permissions, { contents: "read", "pull-requests": "write" });
    assert.deepEqual(job("preview.yaml", "rehearsal").permissions, { contents: "read" });
    assert.deepEqual(job("drift.yaml", "look").permissions, { contents: "read", "id-token": "write" });
    assert.deepEqual(job("drift.yaml", "issue").permissions, { contents: "read", issues: "write" });
  });

  it("judge by the base's policies, comment by the base's code, and cancel no deploy", () => {
    const base = "$" + "{{ github.event.pull_request.base.sha }}";
    const [checkout] = job("preview.yaml", "comment").steps;
    assert.equal(checkout?.with?.["ref"], base);
    const { steps } = job("preview.yaml", "account");
    assert.ok(steps.some((step) => step.with?.["ref"] === base && step.with?.["path"] === ".cloister/base"));
    assert.ok(steps.some(({ run }) => run?.includes("--policy-pack .cloister/base/policy")));
    assert.equal(workflows["deploy.yaml"]?.concurrency?.["cancel-in-progress"], false);
  });

  it("put no expression into a script, and run commands that are there", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { scripts: object };
    const runs = jobs.flatMap(({ job: { steps } }) => steps.flatMap(({ run }) => run ?? []));
    for (const run of runs) assert.ok(!run.includes("$" + "{{"), run);
    const named = runs.flatMap((run) => [...run.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name));
    for (const needed of ["deploy", "drift", "drift:issue", "preview", "preview:comment"])
      assert.ok(named.includes(needed), needed);
    for (const name of named) assert.ok(name in scripts, name);
  });
});

describe("the stacks that a change concerns", () => {
  const files = {
    dev: "config:\n  cloister:target: aws\n",
    prod: "config:\n  cloister:target: aws\n",
    local: "config:\n  cloister:target: local\n",
  };
  const of = (...changed: string[]): string[] => stacksOf(changed, files);

  it("are those whose file changed, all for code, and none for documents and tests", () => {
    assert.deepEqual(of("Pulumi.dev.yaml", "docs/aws.md"), ["dev"]);
    assert.deepEqual(of("infra/aws/target.ts"), ["dev", "prod"]);
    assert.deepEqual(of("package-lock.json", "Pulumi.dev.yaml"), ["dev", "prod"]);
    assert.deepEqual(of("docs/infra.md", "test/unit/a.test.ts", "README.md", "Pulumi.local.yaml"), []);
    assert.deepEqual(of("Pulumi.gone.yaml"), []);
  });
});
