import assert from "node:assert/strict";
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { parse } from "yaml";
import { baseSide } from "../../../../cli/container/ci/base-side.ts";
import { choosePolicy, headSide } from "../../../../cli/container/ci/policy-sides.ts";
import { readSettings } from "../../../../cli/container/ci/settings.ts";
import { plain, type StepReport, summaryOf } from "../../../../cli/container/ci/summary.ts";
import { askedOf } from "../../../../guest/egress/asked.ts";
import { type EgressDecision, NOT_ALLOWED } from "../../../../guest/egress/decision.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const SETTER = join(ROOT, "container/ci/user-namespaces.sh");

interface ActionStep {
  readonly name: string;
  readonly run?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly if?: string;
}

const row = (host: string, more: Partial<EgressDecision> = {}): EgressDecision => ({
  time: "",
  session: "a-b-c",
  host,
  port: 443,
  via: "connect",
  verdict: "denied",
  reason: NOT_ALLOWED,
  ...more,
});

const report = (more: Partial<StepReport>): StepReport => ({
  outcome: { exitCode: 0 },
  policy: { file: "p.yaml", from: "head" },
  asked: askedOf([]),
  counted: [],
  lost: [],
  weaker: [],
  ...more,
});

describe("a CI step's settings", () => {
  const GOOD = { CLOISTER_CI_COMMAND: "npm test", GITHUB_WORKSPACE: "/w", RUNNER_TEMP: "/t" };

  it("come from its environment, with defaults that are safe", () => {
    assert.deepEqual(readSettings({ ...GOOD, CLOISTER_CI_PROMPT: "", CLOISTER_CI_BASE_COMMIT: "" }), {
      task: { command: "npm test" },
      folder: "/w",
      mode: "trash",
      policy: "cloister.policy.yaml",
      policyFrom: "base",
      results: "/t/cloister",
      repository: "/w",
      acceptWeaker: false,
    });
  });

  it("are refused all at once, each with its variable", () => {
    const wrong = readSettings({
      ...GOOD,
      CLOISTER_CI_PROMPT: "both",
      CLOISTER_CI_MODE: "rx",
      CLOISTER_CI_POLICY: "../p.yaml",
      CLOISTER_CI_POLICY_FROM: "main",
      CLOISTER_CI_BASE_COMMIT: "--upload-pack=x",
      CLOISTER_CI_ACCEPT_WEAKER: "yes",
    });
    assert.ok("problems" in wrong);
    for (const name of ["MODE", "POLICY", "POLICY_FROM", "BASE_COMMIT", "ACCEPT_WEAKER", "PROMPT"]) {
      assert.ok(
        wrong.problems.some((problem) => problem.includes(`CLOISTER_CI_${name}`)),
        `${name} is not in\n${wrong.problems.join("\n")}`,
      );
    }
  });

  it("keep the results outside of what the session writes, and out of a folder that all jobs share", () => {
    const { RUNNER_TEMP: _, ...shared } = GOOD;
    assert.ok(!("results" in readSettings({ ...shared, TMPDIR: "/tmp" })), "a folder is made for the step");
    for (const results of ["/w", "/w/out", "/elsewhere/../w/out", "/t\nexit-code=0"]) {
      const read = readSettings({ ...GOOD, CLOISTER_CI_RESULTS: results });
      assert.ok("problems" in read && read.problems[0]?.includes("CLOISTER_CI_RESULTS"), results);
    }
    for (const more of [{ CLOISTER_CI_RESULTS: "/w2" }, { CLOISTER_CI_RESULTS: "/w/out", CLOISTER_CI_MODE: "ro" }])
      assert.ok("results" in readSettings({ ...GOOD, ...more }), JSON.stringify(more));
  });

  it("keep the results out of a folder that a link leads into, or whose name begins with dots", async () => {
    const top = await mkdtemp(join(tmpdir(), "cloister-results-"));
    try {
      await mkdir(join(top, "w"));
      await symlink(join(top, "w"), join(top, "link"));
      const read = (results: string) =>
        readSettings({ ...GOOD, CLOISTER_CI_FOLDER: join(top, "w"), CLOISTER_CI_RESULTS: join(top, results) });
      for (const inside of ["link", "link/out", "w/..out"]) assert.ok("problems" in read(inside), inside);
      for (const outside of ["out", "..out"]) assert.ok("results" in read(outside), outside);
    } finally {
      await rm(top, { recursive: true });
    }
  });

  it("are refused where the session could write the scripts of the step", () => {
    const inside = { ...GOOD, GITHUB_ACTION_PATH: "/w/./" };
    assert.match(JSON.stringify(readSettings(inside)), /the action's own files/);
    assert.ok(!("problems" in readSettings({ ...inside, CLOISTER_CI_MODE: "ro" })));
    assert.ok(!("problems" in readSettings({ ...inside, GITHUB_ACTION_PATH: "/actions/cloister/v1" })));
    // Without an action, as at GitLab, and through a link.
    assert.match(JSON.stringify(readSettings({ ...GOOD, CLOISTER_CI_FOLDER: ROOT })), /the action's own files/);
  });

  it("are refused where the scripts are in the folder by a link", async () => {
    const top = await mkdtemp(join(tmpdir(), "cloister-link-"));
    try {
      await mkdir(join(top, "w/action"), { recursive: true });
      await symlink(join(top, "w/action"), join(top, "link"));
      await mkdir(join(top, "elsewhere"));
      const read = (action: string) =>
        readSettings({ ...GOOD, CLOISTER_CI_FOLDER: join(top, "w"), GITHUB_ACTION_PATH: join(top, action) });
      assert.match(JSON.stringify(read("link")), /the action's own files/);
      assert.ok(!("problems" in read("elsewhere")), "the control");
    } finally {
      await rm(top, { recursive: true });
    }
  });

  it("name the workspace's repository, or one that is written, and none around what is shown", () => {
    const repository = (more: object) => {
      const read = readSettings({ ...GOOD, ...more });
      return "problems" in read ? read.problems : read.repository;
    };
    assert.equal(repository({ CLOISTER_CI_FOLDER: "/w/packages/a" }), "/w");
    assert.equal(repository({ CLOISTER_CI_FOLDER: "/elsewhere" }), undefined);
    assert.equal(repository({ CLOISTER_CI_FOLDER: "/w/sub/a", CLOISTER_CI_REPOSITORY_FOLDER: "sub" }), "/w/sub");
    const wrong = repository({ CLOISTER_CI_FOLDER: "/w/sub/a", CLOISTER_CI_REPOSITORY_FOLDER: "other" });
    assert.match(String(wrong), /REPOSITORY_FOLDER="other"/);
  });
});

describe("the policy of a pull request", () => {
  let folder: string;
  const git = (...args: string[]) =>
    execa("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args]);
  const write = (text: string) => writeFile(join(folder, "p.yaml"), text);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ci-"));
    await git("init", "--quiet");
    await write("version: 1\nhosts: [npm]\n");
    await git("add", "-A");
    await git("commit", "--quiet", "-m", "base");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const sides = async () => {
    const commit = (await git("rev-parse", "HEAD")).stdout;
    return [await headSide(folder, "p.yaml"), await baseSide(folder, "p.yaml", commit)] as const;
  };

  it("is that of the branch that it is for, and what it changes is told", async () => {
    await write("version: 1\nhosts: [npm, evil.example]\nmodel: {use: true}\n");
    const [head, base] = await sides();
    const chosen = choosePolicy(head, base, "base");
    assert.deepEqual(chosen.holds?.run?.allow, ["npm"]);
    assert.deepEqual(chosen.change, {
      kind: "changed",
      removed: [],
      added: ["host evil.example", "agent true"],
      problems: [],
    });
    const own = choosePolicy(head, base, "head");
    assert.deepEqual(
      own.holds?.run?.allow,
      ["npm", "evil.example"],
      "the control: with policy-from: head its own holds",
    );
    assert.ok(own.change);
    assert.equal(
      choosePolicy(head, undefined, "base").holds,
      head.there ? head.read : undefined,
      "a push has one side",
    );
  });

  it("is none where only the pull request has one; one that is unchanged is not told", async () => {
    const [head, base] = await sides();
    assert.equal(choosePolicy(head, base, "base").change, undefined);
    await git("rm", "--quiet", "p.yaml");
    await git("commit", "--quiet", "-m", "none");
    await write("version: 1\nhosts: [evil.example]\n");
    const [added, none] = await sides();
    const chosen = choosePolicy(added, none, "base");
    assert.equal(chosen.holds, undefined);
    assert.equal(chosen.change?.kind, "added");
  });

  it("is shown in the summary with each setting that changes: a folder's mode, a limit, a removed file", async () => {
    await write("version: 1\nhosts: [npm]\nfolders: {data: {path: /data, mode: ro}}\nlimits: {seconds: 60}\n");
    await git("commit", "--quiet", "-am", "folders");
    await write(
      "version: 1\nhosts: [npm]\nfolders: {data: {path: /data, mode: rwd}}\nenvironment: {TOKEN: secret-value}\n",
    );
    const [head, base] = await sides();
    const summary = (chosen: ReturnType<typeof choosePolicy>) => {
      const { change, from } = chosen;
      assert.ok(change);
      return summaryOf(report({ policy: { file: "p.yaml", from, baseCommit: "0123456789abcdef", change } }));
    };
    const text = summary(choosePolicy(head, base, "base"));
    assert.match(text, /\*\*This pull request changes the policy: `p\.yaml` is changed\.\*\*/);
    for (const line of [
      "- takes away `folder /data:data:ro`",
      "- takes away `timeout 60`",
      "- adds `folder /data:data:rwd`",
      "- adds `variable TOKEN`",
    ]) {
      assert.ok(text.includes(line), `${line} in\n${text}`);
    }
    assert.doesNotMatch(text, /secret-value/);
    await rm(join(folder, "p.yaml"));
    const [none, before] = await sides();
    const removed = choosePolicy(none, before, "base");
    assert.ok(removed.holds, "the base's policy holds for a pull request that removes it");
    assert.match(summary(removed), /is removed\.\*\*/);
    await write("version: 1\nhosts: [a b]\n");
    const [bad, old] = await sides();
    assert.match(summary(choosePolicy(bad, old, "base")), /The new version has problems:\n\n- `2:9 hosts\.0/);
  });

  it("is no link to a file of the runner's, and no commit that is not known", async () => {
    await rm(join(folder, "p.yaml"));
    await writeFile(join(folder, "secret"), "version: 1\n");
    await symlink(join(folder, "secret"), join(folder, "p.yaml"));
    const head = await headSide(folder, "p.yaml");
    assert.ok(head.there && head.read.problems[0]?.message === "not a file");
    await assert.rejects(baseSide(folder, "p.yaml", "a".repeat(40)), /fetch-depth: 0/);
  });

  it("is read through no link on its way, and no FIFO makes the step wait", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "cloister-elsewhere-"));
    try {
      const hosts = async (path: string) => {
        const side = await headSide(folder, path);
        return side.there ? (side.read.run?.allow ?? side.read.problems[0]?.message) : undefined;
      };
      await writeFile(join(elsewhere, "p.yaml"), "version: 1\nhosts: [evil.example]\n");
      await symlink(elsewhere, join(folder, "linked"));
      assert.match(String(await hosts("linked/p.yaml")), /is a link/);
      await mkdir(join(folder, "own"));
      await writeFile(join(folder, "own/p.yaml"), "version: 1\nhosts: [npm]\n");
      assert.deepEqual(await hosts("own/p.yaml"), ["npm"], "the control");
      await execa("mkfifo", [join(folder, "own/fifo.yaml")]);
      assert.equal(await hosts("own/fifo.yaml"), "not a file");
      assert.equal(await hosts("own/none.yaml"), undefined);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});

describe("a CI step's summary", () => {
  it("tells what was allowed, what was denied and how to allow it, and its text is nobody else's", () => {
    const hostile = [
      "`</code><script>",
      "x\n::set-output name=exit-code::0",
      "[a](https://evil.example)",
      "<!--",
      "| a | b |",
    ];
    const asked = askedOf([
      row("registry.npmjs.org"),
      row("Example.com"),
      row("good.example", { verdict: "allowed", reason: "good.example" }),
      ...hostile.map((host) => row(host)),
    ]);
    const text = summaryOf(report({ outcome: { exitCode: 7 }, asked, weaker: ["weaker than `it` <b>"] }));
    assert.match(text, /^## Sealed session: the command ended with 7\n/);
    assert.match(text, /\*\*Allowed\*\*\n\n- `good\.example:443`, once/);
    assert.match(text, /\*\*Denied\*\*\n\n- `npm`, once\n- `example\.com:443`, once/);
    assert.match(text, /```yaml\nhosts:\n {2}- "npm"\n {2}- "example\.com:443"\n```/);
    assert.equal((text.match(/no policy can allow it/g) ?? []).length, 1, "the control: the others are told, too");
    // Within code nothing of Markdown is left but the end of code.
    const outside = text.replace(/`[^`\n]*`/g, "");
    for (const sign of ["script", "::set-output", "evil", "<", "weaker than"]) {
      assert.ok(!outside.includes(sign), `${sign} in\n${outside}`);
    }
    for (const line of text.split("\n"))
      assert.equal((line.match(/`/g) ?? []).length % 2, line.startsWith("```") ? 1 : 0, line);
    assert.equal(plain("a`b|c\n"), "`a?b?c?`");
  });

  it("tells that rows are missing, and does not say then that nothing was asked", () => {
    const text = summaryOf(report({ lost: ["ENOSPC: no space left on device, write"] }));
    assert.match(text, /The audit log is not whole.*\n\n- `ENOSPC: no space/);
    assert.doesNotMatch(text, /asked nothing/);
    assert.match(summaryOf(report({})), /asked nothing/, "the control");
  });

  it("shows a changed policy first, and is of bounded length", () => {
    const many = Array.from({ length: 500 }, (_, i) => row(`h${i}.example`));
    const text = summaryOf(
      report({
        policy: {
          file: "p.yaml",
          from: "base",
          baseCommit: "0123456789abcdef",
          change: { kind: "changed", removed: [], added: ["host evil.example"], problems: [] },
        },
        asked: askedOf(many),
      }),
    );
    assert.ok(text.indexOf("**This pull request changes the policy") < text.indexOf("**Denied**"));
    assert.match(text, /- adds `host evil\.example`/);
    assert.match(text, /Its version holds once it is merged/);
    assert.match(text, /\(450 more\)/);
    assert.ok(text.split("\n").length < 200);
    assert.match(summaryOf(report({ outcome: { refused: ["no <engine>"] } })), /not run\n\n- `no \?engine\?`/);
    const stopped = report({ outcome: { stopped: "stopped by SIGTERM", exitCode: 143 }, asked: askedOf(many) });
    assert.match(summaryOf(stopped), /^## Sealed session: stopped by SIGTERM\n.*\*\*Denied/s);
  });
});

describe("the action", () => {
  it("hands its inputs to scripts by the environment, and pins what it uses", async () => {
    const text = await readFile(join(ROOT, "action.yml"), "utf8");
    const { runs } = parse(text) as { runs: { steps: ActionStep[] } };
    assert.ok(runs.steps.some(({ run }) => run !== undefined));
    for (const { run, uses, shell, name } of runs.steps) {
      if (run !== undefined) {
        assert.ok(!run.includes("${{"), `${name}: an input is written into a script`);
        assert.equal(shell, "bash", name);
        const scripts = [...run.matchAll(/"\$GITHUB_ACTION_PATH\/([^"]+)"/g)];
        assert.ok(scripts.length > 0);
        for (const [, path = ""] of scripts)
          assert.ok((await stat(join(ROOT, path))).mode & 0o100, `${path} can be run by hand`);
      } else assert.match(uses ?? "", /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    }
  });

  describe("where user namespaces are restricted", function () {
    this.timeout(60_000);
    let folder: string;
    let setting: string;
    const started: { kill(signal: NodeJS.Signals): boolean }[] = [];
    const options = (env: NodeJS.ProcessEnv = {}) => ({
      env: {
        PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
        CLOISTER_CI_SETTING: setting,
        CLOISTER_CI_STATE: join(folder, "state"),
        ...env,
      },
      extendEnv: false,
      reject: false as const,
    });
    const run = (args: string[], env: NodeJS.ProcessEnv = {}) => execa(SETTER, args, options(env));
    const value = async () => (await readFile(setting, "utf8")).trim();
    /** Waits for what the process of the lease does after a command has ended. */
    const becomes = async (wanted: string, why: string) => {
      for (let left = 100; left > 0 && (await value()) !== wanted; left -= 1) await setTimeout(50);
      assert.equal(await value(), wanted, why);
    };
    /** A job that ends when it is told to. */
    const job = async (name: string, command = ["cat"]) => {
      const child = execa(SETTER, ["setting", "bash", "-c", `touch ${folder}/${name}; exec "$@"`, "job", ...command], {
        ...options(),
        stdin: "pipe",
      });
      started.push(child);
      while (!(await readdir(folder)).includes(name)) await setTimeout(20);
      // Not the promise itself, which would be waited for.
      return { child };
    };

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-userns-"));
      setting = join(folder, "setting");
      await mkdir(join(folder, "bin"));
      // Stands in for sudo: what it would run is run, as this user.
      await writeFile(join(folder, "bin/sudo"), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
      await writeFile(setting, "1\n");
    });
    afterEach(async () => {
      for (const child of started.splice(0)) child.kill("SIGKILL");
      await becomes((await readdir(folder)).includes("state.off") ? "1" : await value(), "nothing is left off");
      await rm(folder, { recursive: true });
    });

    it("a step switches that off for itself, and only where it may; its code is the command's", async () => {
      for (const [how, env, wanted, says] of [
        ["auto", {}, "1", /left so/],
        ["auto", { RUNNER_ENVIRONMENT: "github-hosted" }, "0", /switched off/],
        ["setting", {}, "0", /switched off/],
        ["leave", { RUNNER_ENVIRONMENT: "github-hosted" }, "1", /left so/],
      ] as const) {
        const { exitCode, stdout } = await run([how, "bash", "-c", `echo it is $(cat ${setting}); exit 7`], env);
        assert.equal(exitCode, 7);
        assert.match(stdout, says);
        assert.match(stdout, new RegExp(`it is ${wanted}`), how);
        await becomes("1", "it is as before");
      }
      await writeFile(setting, "0\n");
      assert.match((await run(["setting", "true"])).stdout, /nothing is changed/);
      assert.equal(await value(), "0", "what was off before stays off");
      for (const wrong of [["sometimes", "true"], ["setting"], []]) assert.equal((await run(wrong)).exitCode, 2);
      await writeFile(join(folder, "bin/sudo"), "#!/bin/sh\necho sudo: a password is required >&2\nexit 1\n");
      if (process.getuid?.() !== 0) assert.equal((await run(["setting", "true"])).exitCode, 2, "nothing runs without");
    });

    it("jobs share it: the last one to end switches it on again", async () => {
      const [{ child: first }, { child: second }] = [await job("first"), await job("second")];
      assert.equal(await value(), "0");
      first.stdin?.end();
      assert.equal((await first).exitCode, 0);
      await setTimeout(500);
      assert.equal(await value(), "0", "the second still needs it");
      const { child: third } = await job("third");
      second.kill("SIGKILL");
      await second;
      await setTimeout(500);
      assert.equal(await value(), "0", "the third came meanwhile");
      third.stdin?.end();
      await becomes("1", "nobody needs it");
    });

    it("a job that is killed gives its share back, whatever it has started", async () => {
      // As in the step itself: what Node starts has no part in it.
      const script = `const c = require('child_process').spawn('sleep', ['60']); require('fs').writeFileSync('${folder}/pid', c.pid + '\\n')
        c.on('exit', process.exit)`;
      const { child: killed } = await job("killed", [process.execPath, "-e", script]);
      const pid = () => readFile(join(folder, "pid"), "utf8").catch(() => "");
      while (!(await pid()).endsWith("\n")) await setTimeout(20);
      const child = Number(await pid());
      assert.equal(await value(), "0");
      killed.kill("SIGKILL");
      await becomes("1", "after kill -9");
      assert.equal(process.kill(child, 0), true, "the control: it lives on");
      process.kill(child);
    });

    it("an empty input is auto, and a wrong one is told in the runner's files", async () => {
      const files = { GITHUB_OUTPUT: join(folder, "output"), GITHUB_STEP_SUMMARY: join(folder, "summary") };
      assert.equal((await run(["", "bash", "-c", "exit 7"], files)).exitCode, 7);
      assert.ok(!(await readdir(folder)).includes("output"), "the control");
      assert.equal((await run(["so`me\n<b>", "true"], files)).exitCode, 2);
      assert.equal(await readFile(files.GITHUB_OUTPUT, "utf8"), "exit-code=2\n");
      assert.match(
        await readFile(files.GITHUB_STEP_SUMMARY, "utf8"),
        /^## Sealed session: not run\n\n- `user-namespaces: so\?me\?\?b\?: write auto, profile, setting or leave`\n$/,
      );
    });

    it("a step that leaves it so says that it is off only for another job", async () => {
      const { child } = await job("other");
      assert.match((await run(["leave", "true"])).stdout, /is 0 only while another job runs/);
      child.stdin?.end();
      await becomes("1", "nobody needs it");
      assert.match((await run(["leave", "true"])).stdout, /is 1\), and are left so/, "the control");
    });

    it("the process that waits as root knows no secret, and runs nothing that is added to its script", async () => {
      const script = join(folder, "copy.sh");
      await copyFile(SETTER, script);
      const child = execa(script, ["setting", "bash", "-c", `touch ${folder}/begun; exec cat`], {
        ...options({ ANTHROPIC_API_KEY: "a-key", CLOISTER_TEST_MARK: folder }),
        stdin: "pipe",
      });
      started.push(child);
      while (!(await readdir(folder)).includes("begun")) await setTimeout(20);
      const { stdout: listed } = await execa("pgrep", ["-f", `${script} --wait`]);
      const environment = await readFile(`/proc/${listed.split("\n")[0]}/environ`, "utf8");
      assert.match(environment, /^PATH=/);
      assert.doesNotMatch(environment, /a-key|CLOISTER_TEST_MARK/);
      await appendFile(script, `\ntouch ${folder}/added\n`);
      child.stdin?.end();
      assert.equal((await child).exitCode, 0);
      await becomes("1", "the control: it has ended");
      await setTimeout(300);
      assert.ok(!(await readdir(folder)).includes("added"));
    });

    it("what a computer that was stopped meanwhile left off, the next job switches on again", async () => {
      await writeFile(setting, "0\n");
      await writeFile(join(folder, "state.off"), "");
      assert.match((await run(["setting", "true"])).stdout, /switched off until/);
      await becomes("1", "it was on before");
    });
  });
});
