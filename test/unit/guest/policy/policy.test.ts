import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { execa } from "execa";
import fc from "fast-check";
import { mergePolicy } from "../../../../guest/policy/merge.ts";
import { readPolicy, readPolicyFile } from "../../../../guest/policy/read.ts";
import { describePolicyProblem } from "../../../../guest/policy/result.ts";
import { policySchema } from "../../../../guest/policy/schema.ts";
import { parseRun, type RunOptions } from "../../../../guest/run/options.ts";
import { lowered } from "../../../../guest/run/validate.ts";
import { RunRefused } from "../../../../guest/sessions/request.ts";
import { POLICY_SCHEMA_FILE, policySchemaText } from "../../../../tools/docs/policy-schema.ts";

const HERE = { folder: "/work" };
const NONE: RunOptions = { allow: [], mount: [], env: [] };

const GOOD = `version: 1
hosts:
  - npm
  - api.example.com:443
  - host: registry.corp.example:443
    private: [10.20.0.0/16, 10.30.0.0/16]
folders:
  site: { path: ./site, mode: trash }
  data: { path: /data, mode: ro }
limits: { seconds: 600, memoryMiB: 1024, tasks: 200, tmpMiB: 64 }
environment:
  CI: "true"
  TOKEN:
model: { use: true, name: some-model }
`;

describe("a policy file", () => {
  it("is a sealed run's options", () => {
    const { run, problems } = readPolicy(GOOD, HERE);
    assert.deepEqual(problems, []);
    assert.deepEqual(run, {
      allow: ["npm", "api.example.com:443", "registry.corp.example:443"],
      allowPrivate: ["registry.corp.example=10.20.0.0/16", "registry.corp.example=10.30.0.0/16"],
      mount: ["/work/site:site:trash", "/data:data:ro"],
      env: ["CI=true", "TOKEN"],
      timeout: "600",
      memory: "1024",
      tasks: "200",
      tmp: "64",
      agent: true,
      model: "some-model",
    });
  });

  it("has all of its problems told at once, with line, column and what was probably meant", () => {
    const text = `version: 2
hots: []
hosts:
  - nmp
  - 10.0.0.1
  - host: a.example:443
    private: 8.8.8.8/8
  - host: x.example
    pivate: 10.0.0.0/8
  - 5
folders:
  a b: {path: /etc, mode: rx}
  c:
    pth: 1
  d: {path: ./x, mode: trahs}
environment:
  9: x
  A: 1
limits: {seconds: 0, memory: 5}
model: {nme: x}
`;
    const { problems } = readPolicy(text, { none: "write an absolute path" });
    const lines = problems.map((problem) => describePolicyProblem("p", problem));
    const wanted = [
      "p:1:10: version: write version: 1",
      "p:2:1: hots: unknown key; did you mean hosts?",
      "p:4:5: hosts.0: did you mean npm? not a host",
      "p:5:5: hosts.1: 10.0.0.1 (a private network) is never reachable",
      "p:6:5: hosts.2: 8.8.8.8/8 is no private range",
      "p:8:5: hosts.3.private: missing",
      "p:9:5: hosts.3.pivate: unknown key; did you mean private?",
      "p:10:5: hosts.4: write a host as text",
      'p:12:3: folders.a b: "a b" cannot be a folder\'s name',
      "p:12:15: folders.a b.path: /etc belongs to the machine",
      'p:12:27: folders.a b.mode: there is no mode "rx"',
      "p:14:5: folders.c.path: missing",
      "p:14:5: folders.c.mode: missing",
      "p:14:5: folders.c.pth: unknown key; did you mean path?",
      'p:15:13: folders.d.path: "./x" is relative; write an absolute path',
      'p:15:24: folders.d.mode: there is no mode "trahs"; did you mean trash?',
      "p:17:3: environment.9: not a variable's name",
      "p:18:6: environment.A: write the value in quotes",
      "p:19:19: limits.seconds: write a whole number from 1",
      "p:19:22: limits.memory: unknown key; did you mean memoryMiB?",
      "p:20:9: model.nme: unknown key; did you mean name?",
    ];
    assert.equal(lines.length, wanted.length, lines.join("\n"));
    for (const [i, start] of wanted.entries()) assert.ok(lines[i]?.startsWith(start), `${lines[i]}\nis not\n${start}`);
  });

  it("is refused with words of ours for sections of another kind, and once where it is nested too deeply", () => {
    const text =
      "version: 1\nhosts: [{host: a.example, private: []}]\nfolders: {a: ./x}\nlimits: 5\nenvironment: [A]\nmodel: true\n";
    const lines = readPolicy(text, HERE).problems.map((problem) => describePolicyProblem("p", problem));
    const wanted = [
      /^p:2:36: hosts\.0\.private: write at least one ADDRESS\/PREFIX$/,
      /^p:3:14: folders\.a: write path: and mode:$/,
      /^p:4:9: limits: write limits with their names: seconds/,
      /^p:5:14: environment: write variables, each with its value$/,
      /^p:6:8: model: write use: true, and name:$/,
    ];
    assert.equal(lines.length, wanted.length, lines.join("\n"));
    for (const [i, one] of wanted.entries()) assert.match(lines[i] ?? "", one);
    const deep = readPolicy(`version: 1\nhosts: ${"[".repeat(5000)}\n`, HERE).problems;
    assert.deepEqual([deep.length, deep[0]?.line], [1, 2]);
    assert.match(deep[0]?.message ?? "", /nested too deeply/);
  });

  it("is refused with what YAML could hide, each with its place", () => {
    for (const [text, line, column, says] of [
      ["version: 1\nversion: 1\n", 2, 1, /unique/],
      ["version: &v 1\n", 1, 13, /anchors/],
      ["version: 1\nhosts: *v\n", 2, 8, /alias/i],
      ["version: !!binary aa\n", 1, 0, /tags|tag/],
      ["version: 1\n---\nversion: 1\n", 2, 1, /multiple documents/],
      ["- 1\n", 1, 1, /a policy has keys/],
      ["", 1, 1, /missing/],
    ] as const) {
      const { problems } = readPolicy(text, HERE);
      const found = problems.find(({ message }) => says.test(message));
      assert.ok(found, `${JSON.stringify(text)}: ${JSON.stringify(problems)}`);
      assert.equal(found.line, line, text);
      if (column > 0) assert.equal(found.column, column, text);
    }
    // A section without a value is none.
    assert.deepEqual(readPolicy("version: 1\nhosts:\n  # - npm\n", HERE).problems, []);
  });

  it("never makes the reader fail, whatever it holds, and has problems only where there are lines", () => {
    const word = fc.constantFrom(
      ..."version hosts folders limits model 1 : - {} [] & * ! npm ro path mode # null \n".split(" "),
      "\n",
      "  ",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        const text = words.join(" ");
        for (const { line, column } of readPolicy(text, HERE).problems) {
          assert.ok(
            line >= 1 && line <= text.split("\n").length && column >= 1,
            `${line}:${column} of ${JSON.stringify(text)}`,
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is read from a file only, of a sensible size", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-policy-"));
    try {
      const says = async (name: string) => (await readPolicyFile(join(folder, name))).problems[0]?.message ?? "";
      await writeFile(join(folder, "large"), `version: 1\n#${"x".repeat(70_000)}`);
      await execa("mkfifo", [join(folder, "fifo")]);
      await symlink("/dev/zero", join(folder, "endless"));
      await writeFile(join(folder, "good"), GOOD);
      assert.match(await says("none"), /no such file/);
      assert.match(await says("large"), /at most 65536/);
      assert.match(await says("fifo"), /not a file/);
      assert.match(await says("endless"), /not a file/);
      const { run } = await readPolicyFile(join(folder, "good"));
      assert.equal(run?.mount[0], `${folder}/site:site:trash`, "the control, with paths from its own folder");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("goes with the options of a command line, which add hosts and go before the rest", () => {
    const line: RunOptions = {
      ...NONE,
      allow: ["github"],
      mount: ["/other:site:rwd"],
      env: ["CI=false"],
      timeout: "5",
      model: "another",
    };
    const { options, problems } = mergePolicy(line, "p", readPolicy(GOOD, HERE));
    const run = parseRun(["true"], options, { TOKEN: "t" }, problems);
    assert.deepEqual(run.allow, ["npm", "api.example.com:443", "registry.corp.example:443", "github"]);
    assert.deepEqual(
      run.mounts?.map(({ source, name, mode }) => [source, name, mode]),
      [
        ["/data", "data", "ro"],
        ["/other", "site", "rwd"],
      ],
    );
    assert.deepEqual(run.environment, { TOKEN: "t", CI: "false" });
    assert.deepEqual([run.timeoutMs, run.model, run.agent], [5000, "another", true]);
    assert.deepEqual(run.limits, { memoryMiB: 1024, tasksMax: 200, tmpMiB: 64 });
  });

  it("is refused together with the options", () => {
    const { options, problems } = mergePolicy(
      { ...NONE, allow: ["*"] },
      "p.yaml",
      readPolicy("version: 1\nhost: x\n", HERE),
    );
    assert.throws(
      () => parseRun(["true"], options, {}, problems),
      (error: unknown) => {
        assert.ok(error instanceof RunRefused);
        assert.match(error.message, /p\.yaml:2:1: host: unknown key; did you mean hosts\? \[CLOISTER_E_POLICY\]/);
        assert.match(error.message, /"\*": not a host/);
        return true;
      },
    );
  });
});

describe("the JSON schema of policy files", () => {
  it("is published as it is, takes what is right and refuses unknown keys and modes", async () => {
    const root = join(import.meta.dirname, "../../../..");
    assert.equal(await readFile(join(root, POLICY_SCHEMA_FILE), "utf8"), policySchemaText(), "run npm run docs");
    const validate = new Ajv({ strict: false }).compile(policySchema());
    const site = (mode: string) => ({ version: 1, hosts: ["npm"], folders: { site: { path: "./site", mode } } });
    assert.ok(validate(site("ro")), JSON.stringify(validate.errors));
    assert.ok(validate({ version: 1, hosts: null }));
    for (const wrong of [site("rx"), { version: 1, hots: [] }, {}]) assert.ok(!validate(wrong), JSON.stringify(wrong));
  });
});

describe("the limits of a session", () => {
  const most = { memoryMiB: 2048, tmpMiB: 512, tasksMax: 4096 };

  it("may be less than those of the machine's sessions, and not more", () => {
    assert.deepEqual(lowered(most), { limits: most, problems: [] });
    assert.deepEqual(lowered(most, { memoryMiB: 64, tmpMiB: 512 }).limits, { ...most, memoryMiB: 64 });
    const { limits, problems } = lowered(most, { memoryMiB: 2049, tasksMax: 9999, tmpMiB: 1 });
    assert.deepEqual(limits, { ...most, tmpMiB: 1 });
    assert.deepEqual(
      problems.map(({ subject, value, message }) => [subject, value, message]),
      [
        ["memory", "2049", "sessions have 2048 MiB here: write at most that"],
        ["tasks", "9999", "sessions have 4096 tasks here: write at most that"],
      ],
    );
  });
});
