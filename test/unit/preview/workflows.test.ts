import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { leftToDo } from "../../../cli/bootstrap/left.ts";
import { readInputs } from "../../../infra/bootstrap/inputs.ts";
import { audienceOf, previewSubjects, trustOf } from "../../../infra/bootstrap/trust.ts";
import { stacksOf } from "../../../preview/workflow/stacks.mjs";

const root = new URL("../../../", import.meta.url);
const folder = new URL(".github/workflows/", root);

interface Job {
  readonly permissions?: Record<string, string>;
  readonly concurrency?: { readonly "cancel-in-progress": boolean; readonly group: string };
  readonly environment?: string;
  readonly if?: string;
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
    // What is merged and not deployed is no change of the pull request's.
    assert.ok(steps.some(({ run }) => run?.includes(" --both ")));
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

/** Inputs of `cloister bootstrap` for a forge. */
function inputsFor(forge: "github" | "gitlab") {
  const account = { accountId: "123456789012", region: "eu-central-1", bucket: "fleet-state" };
  const { inputs } = readInputs({ ...account, repository: "ada/fleet", forge });
  assert.ok(inputs);
  return inputs;
}

describe("the variables of the workflows", () => {
  const variables = (text: string): string[] => [...text.matchAll(/\bvars\.(\w+)/g)].map(([, name = ""]) => name);
  const outputs = Object.fromEntries(
    ["bucket", "secretsProvider", "boundary", "previewRole", "deployerRole", "operatorPolicy"].map((key) => [key, key]),
  ) as unknown as Parameters<typeof leftToDo>[1];
  const said = [...leftToDo(inputsFor("github"), outputs).matchAll(/gh variable set (\w+)(.*)/g)].map(
    ([, name = "", rest = ""]) => ({ name, inEnvironment: rest.includes(" --env ") }),
  );
  const rows = [
    ...readFileSync(new URL("docs/workflows.md", root), "utf8").matchAll(/^\| variable `(\w+)`(.*?)\|/gm),
  ].map(([, name = "", where = ""]) => ({ name, inEnvironment: /, in the environment/.test(where) }));

  it("are set in an environment only when no job asks for them before it has started", () => {
    const asked = new Set(jobs.flatMap(({ job: one }) => variables(one.if ?? "")));
    assert.deepEqual([...asked], ["CLOISTER_PREVIEW_ROLE"], "the control: conditions are read");
    for (const from of [said, rows]) {
      const scoped = from.filter(({ inEnvironment }) => inEnvironment).map(({ name }) => name);
      assert.deepEqual([...new Set(scoped)], ["CLOISTER_DEPLOY_ROLE"], "the control: scopes are read");
      for (const name of asked) {
        assert.ok(!scoped.includes(name), `${name} is empty in a job's condition`);
        assert.ok(
          from.some((one) => one.name === name),
          name,
        );
      }
    }
  });

  it("are all in the document, and all set by what bootstrap says", () => {
    const used = new Set(jobs.flatMap(({ job: one }) => variables(JSON.stringify(one))));
    assert.ok(used.size >= 4);
    for (const from of [said, rows]) assert.deepEqual(new Set(from.map(({ name }) => name)), used);
  });
});

describe("the pipelines of GitLab", () => {
  interface GitlabJob {
    readonly extends?: readonly string[];
    readonly environment?: string | { readonly name: string; readonly action?: string };
    readonly id_tokens?: Readonly<Record<string, { readonly aud: string }>>;
    readonly script?: readonly string[];
    readonly rules?: readonly { readonly if: string }[];
  }
  const all = parse(readFileSync(new URL("examples/gitlab/preview.gitlab-ci.yml", root), "utf8")) as Readonly<
    Record<string, GitlabJob>
  >;
  const withParts = (one: GitlabJob): GitlabJob =>
    Object.assign({}, ...(one.extends ?? []).map((name) => all[name]), one) as GitlabJob;
  const runs = Object.entries(all)
    .map(([name, one]) => ({ name, job: withParts(one) }))
    .filter(({ name, job: one }) => !name.startsWith(".") && one.script !== undefined);

  it("ask for tokens of the audience that the roles trust", () => {
    const gitlab = inputsFor("gitlab");
    const { Statement: statements } = trustOf(gitlab, previewSubjects(gitlab));
    const [statement] = statements as readonly { Condition: { StringEquals: Record<string, string> } }[];
    const trusted = statement?.Condition.StringEquals[`${gitlab.forgeHost}:aud`];
    const asking = runs.flatMap(({ job: one }) => Object.values(one.id_tokens ?? {}));
    assert.equal(asking.length, 3, "preview, deploy and drift have a role");
    // GitLab's own variable for the forge's address (predefined variables, CI_SERVER_URL).
    for (const { aud } of asking) assert.equal(aud.replace("$CI_SERVER_URL", "https://gitlab.com"), trusted);
    assert.notEqual(trusted, audienceOf(inputsFor("github")), "the control: the forges differ");
  });

  it("preview against the stand-in where the role is not seen: a branch that is not protected", () => {
    const conditions = (name: string) => (all[name]?.rules ?? []).map((rule) => rule.if);
    assert.ok(conditions("preview").every((one) => one.endsWith("&& $CLOISTER_PREVIEW_ROLE")));
    // GitLab: a variable alone is true when it is defined and not empty. Each of the three is somebody's job.
    const seen = (name: string, role: string | null | undefined): boolean =>
      conditions(name).some((one) => {
        const [, asked = "none"] = /&& \$CLOISTER_PREVIEW_ROLE(.*)$/.exec(one) ?? [];
        return asked === "" ? Boolean(role) : asked === " == null" ? role === null : asked === ' == ""' && role === "";
      });
    for (const role of [null, "", "arn:role"])
      assert.deepEqual([seen("preview", role), seen("rehearsal", role)], [Boolean(role), !role], String(role));
    assert.equal(all["rehearsal"]?.id_tokens ?? withParts(all["rehearsal"] ?? {}).id_tokens, undefined);
  });

  it("give the forge's token to jobs without a role only", () => {
    const scope = /CLOISTER_COMMENT_TOKEN --scope (\S+)/.exec(
      readFileSync(new URL("docs/workflows.md", root), "utf8"),
    )?.[1];
    const nameOf = ({ environment }: GitlabJob) => (typeof environment === "string" ? environment : environment?.name);
    const writing = runs.filter(({ job: one }) => nameOf(one) === scope);
    assert.deepEqual(
      writing.map(({ name }) => name),
      runs
        .filter(({ job: one }) => one.script?.some((line) => /preview:comment|drift:issue/.test(line)))
        .map(({ name }) => name),
    );
    assert.equal(writing.length, 2);
    for (const { name, job: one } of writing) assert.equal(one.id_tokens, undefined, name);
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
    // A removed file comes with its text at the base.
    assert.deepEqual(stacksOf(["Pulumi.gone.yaml"], { ...files, gone: files.prod }), ["gone"]);
  });

  it("are all but those whose target is plainly elsewhere, now and at the base", () => {
    const taken = (...texts: string[]): boolean => stacksOf(["package.json"], { one: texts }).length === 1;
    for (const text of [
      "config:\n  cloister:target: aws # comment\n",
      "config:\n    cloister:target: aws\n",
      "config: { cloister:target: aws }\n",
      "config:\n  'cloister:target': 'aws'\n",
      "config:\n  target: aws\n",
      "config:\n  cloister:target: local\n  target: aws\n",
      'config: { "cloister:\\x74arget": aws }\n',
      "# comment\u0085config: { cloister:target: aws }\n",
      Buffer.from("\ufeffconfig: { cloister:target: aws }\n", "utf16le").toString("utf8"),
      "environment: [x]\n",
    ]) {
      assert.equal(taken(text), true, text);
      assert.equal(taken(files.local, text), true, `at the base: ${text}`);
    }
    for (const text of [
      "",
      files.local,
      "# yaml-language-server: target\nconfig:\n  cloister:target: container # here\n",
      "config:\r\n  cloister:target: local\r\n",
      "encryptionsalt: v1:x\n",
    ])
      assert.equal(taken(text, text), false, `the control: ${text}`);
  });
});
