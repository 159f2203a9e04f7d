import assert from "node:assert/strict";
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { parse } from "yaml";
import { FROM_PACKAGES } from "../../infra/container/image.ts";

const ROOT = join(import.meta.dirname, "../..");
const USER = process.getuid?.() === 0 ? 1000 : (process.getuid?.() ?? 1000);

interface Step {
  readonly name: string;
  readonly if?: string;
  readonly id?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

/** The action's steps, run by hand in their order as a runner does: each with its script and its environment. */
describe("the action", function () {
  this.timeout(900_000);
  let folder: string;
  let checkout: string;
  let server: Server;
  let port: number;
  let action: Action;

  before(async () => {
    action = parse(await readFile(join(ROOT, "action.yml"), "utf8")) as Action;
    server = createServer((_, response) => response.end("the allowed answer"));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-action-"));
    checkout = join(folder, "checkout");
    await mkdir(checkout);
    await writeFile(join(checkout, "given"), "given\n");
    // The computer itself, by the name that podman gives it in containers.
    await writeFile(
      join(checkout, "cloister.policy.yaml"),
      `version: 1\nhosts:\n  - host: host.containers.internal:${port}\n    private: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]\nmodel: { use: true }\n`,
    );
    for (const path of [checkout, join(checkout, "given"), join(checkout, "cloister.policy.yaml")])
      await chown(path, USER, USER);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Runs the job of one step. `more` is added to the runner's environment, `baseCommit` is a pull request's. */
  async function job(inputs: Readonly<Record<string, string>>, { more = {}, baseCommit = "" } = {}) {
    const given = { base: FROM_PACKAGES, ...inputs } as Readonly<Record<string, string>>;
    const expressed = (expression: string): string => {
      if (expression === "github.event.pull_request.base.sha") return baseCommit;
      const name = /^inputs\.([\w-]+)$/.exec(expression)?.[1] ?? assert.fail(expression);
      return given[name] ?? action.inputs[name]?.default ?? "";
    };
    const files = {
      GITHUB_OUTPUT: join(folder, "output"),
      GITHUB_STEP_SUMMARY: join(folder, "summary"),
      GITHUB_ENV: join(folder, "env"),
    };
    for (const file of Object.values(files)) await writeFile(file, "");
    let failed: number | undefined;
    let output = "";
    for (const step of action.runs.steps) {
      if (step.run === undefined || (failed !== undefined && !step.if?.includes("always()"))) continue;
      const own = Object.entries(step.env ?? {}).map(([name, text]) => [
        name,
        text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => expressed(expression)),
      ]);
      const ran = await execa("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run], {
        env: {
          GITHUB_ACTIONS: "true",
          GITHUB_ACTION_PATH: ROOT,
          GITHUB_WORKSPACE: checkout,
          RUNNER_TEMP: folder,
          ...files,
          ...Object.fromEntries(own),
          ...more,
        },
        cwd: checkout,
        all: true,
        reject: false,
        stdin: "ignore",
      });
      output += `${ran.all}\n`;
      if (ran.exitCode !== 0) failed ??= ran.exitCode;
    }
    const text = (file: string) => readFile(file, "utf8");
    return {
      exitCode: failed ?? 0,
      output,
      summary: await text(files.GITHUB_STEP_SUMMARY),
      outputs: await text(files.GITHUB_OUTPUT),
    };
  }

  it("runs a command that is allowed what it asks for: the control", async () => {
    const key = "sk-ant-not-a-key-of-anybody";
    const command = [
      `cat given; curl -sS --fail http://host.containers.internal:${port}/; touch made; echo ::error::not-a-command`,
      `echo "keys: $(env | grep -c ${key.slice(7)})" "relay: $ANTHROPIC_BASE_URL"`,
      `if grep -rsl ${key.slice(7)} /run /sessions --exclude-dir=proc; then exit 1; fi`,
    ].join("\n");
    const { exitCode, output, summary, outputs } = await job({ command, "anthropic-api-key": key });
    assert.equal(exitCode, 0, output);
    // The key is the relay's: the session has the way to it, and no stand-in answers there.
    assert.match(output, /keys: 0 relay: http/);
    assert.doesNotMatch(output, /stand-in/);
    assert.match(output, /given\n.*the allowed answer/s);
    assert.match(summary, /the command succeeded/);
    assert.match(summary, new RegExp(`\\*\\*Allowed\\*\\*\\n\\n- \`host\\.containers\\.internal:${port}\``));
    assert.match(outputs, /^exit-code=0$/m);
    const results = /^results=(.*)$/m.exec(outputs)?.[1] ?? "";
    assert.match(await readFile(join(results, "audit/audit.jsonl"), "utf8"), /"verdict":"allowed"/);
    assert.equal((await stat(join(checkout, "made"))).uid, USER);
    // What a session prints is no command of the runner's: a word that it does not know ends the silence.
    const word = /::stop-commands::(\S+)/.exec(output)?.[1] ?? assert.fail(output);
    const [before, after] = [output.indexOf("::error::"), output.lastIndexOf(`::${word}::`)];
    assert.ok(output.indexOf(word) < before && before < after);
  });

  it("fails a job whose command fails, with its code", async () => {
    const { exitCode, summary, outputs } = await job({ command: "exit 7" });
    assert.equal(exitCode, 7);
    assert.match(summary, /the command ended with 7/);
    assert.match(outputs, /^exit-code=7$/m);
  });

  it("blocks a job whose command calls out, and says how to allow it", async () => {
    const { exitCode, summary } = await job({ command: "curl -sS --fail https://example.com/" });
    assert.notEqual(exitCode, 0);
    assert.match(summary, /\*\*Denied\*\*\n\n- `example\.com:443`, once/);
    assert.match(summary, /hosts:\n {2}- "example\.com:443"/);
  });

  it("takes everything down when the job is cancelled, and says so", async () => {
    const mark = `sleep 9${process.pid}`;
    const files = { GITHUB_STEP_SUMMARY: join(folder, "summary"), GITHUB_OUTPUT: join(folder, "output") };
    // A runner's first signal goes to the step's own process.
    const running = execa(join(ROOT, "container/ci/run.sh"), {
      env: {
        ...{ GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: checkout, RUNNER_TEMP: folder, TMPDIR: folder, ...files },
        ...{
          CLOISTER_CI_COMMAND: `echo begun; ${mark}`,
          CLOISTER_CI_BASE: FROM_PACKAGES,
          ANTHROPIC_API_KEY: "sk-ant-x",
        },
      },
      all: true,
      reject: false,
      stdin: "ignore",
    });
    const left = async () => {
      const processes = (await execa("ps", ["-A", "-o", "args="])).stdout;
      const keys = (await readdir(folder)).filter((name) => name.startsWith("cloister-key-"));
      return { runs: processes.split("\n").some((line) => line.includes(mark)), keys: keys.length };
    };
    let during: Awaited<ReturnType<typeof left>> | undefined;
    for await (const line of running.iterable({ from: "all" })) {
      if (line !== "begun") continue;
      during = await left();
      running.kill("SIGINT");
    }
    const { exitCode, all } = await running;
    assert.deepEqual(during, { runs: true, keys: 1 }, "the control");
    assert.equal(exitCode, 130, all);
    assert.deepEqual(await left(), { runs: false, keys: 0 });
    assert.match(await readFile(files.GITHUB_STEP_SUMMARY, "utf8"), /^## Sealed session: stopped by SIGINT/);
    assert.match(await readFile(files.GITHUB_OUTPUT, "utf8"), /^exit-code=130$/m);
  });

  it("keeps a pull request to the policy of its base, and shows its change", async () => {
    const git = (...args: string[]) =>
      execa("git", [
        "-C",
        checkout,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.com",
        "-c",
        `safe.directory=${checkout}`,
        ...args,
      ]);
    await git("init", "--quiet");
    await git("add", "-A");
    await git("commit", "--quiet", "-m", "base");
    const baseCommit = (await git("rev-parse", "HEAD")).stdout;
    await writeFile(join(checkout, "cloister.policy.yaml"), "version: 1\nhosts: [example.com]\n");
    const { exitCode, summary } = await job(
      { command: `curl -sS --fail http://host.containers.internal:${port}/ && ! curl -sS --fail https://example.com/` },
      { baseCommit },
    );
    assert.equal(exitCode, 0, summary);
    assert.match(summary, /This pull request changes the policy/);
    assert.match(summary, /- adds `host example\.com`/);
    assert.match(summary, /\*\*Denied\*\*\n\n- `example\.com:443`/);
  });

  // Stands in for AppArmor's restriction, of which this computer's kernel knows nothing: while a file holds 1 as the kernel's setting
  // does, the engine is given a profile without `unshare`.
  it("refuses where its host lets nobody make user namespaces, and runs with `setting`, which is undone", async () => {
    const profile = JSON.parse(await readFile(join(ROOT, "container/seccomp.json"), "utf8")) as {
      syscalls: { names: string[] }[];
    };
    profile.syscalls = profile.syscalls.filter(({ names }) => !names.includes("unshare"));
    const [restricted, setting, bin] = ["restricted.json", "setting", "bin"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(restricted, JSON.stringify(profile));
    await writeFile(setting, "1\n");
    await mkdir(bin);
    const podman = (await execa("bash", ["-c", "command -v podman"])).stdout;
    await writeFile(
      join(bin, "podman"),
      `#!/bin/bash\n[ "$(cat ${setting})" = 0 ] && exec ${podman} "$@"
exec ${podman} "\${@/#--security-opt=seccomp=*/--security-opt=seccomp=${restricted}}"\n`,
      { mode: 0o755 },
    );
    const on = (how: string) =>
      job(
        { command: "cat given", engine: "podman", "user-namespaces": how },
        {
          more: {
            ...{ PATH: `${bin}:${process.env["PATH"]}`, RUNNER_ENVIRONMENT: "self-hosted" },
            ...{ CLOISTER_CI_SETTING: setting, CLOISTER_CI_STATE: join(folder, "state") },
          },
        },
      );
    for (const how of ["leave", "auto"]) {
      const { exitCode, output, summary } = await on(how);
      assert.equal(exitCode, 2, output);
      assert.match(summary, /## Sealed session: not run/);
      assert.match(summary, /no user namespace can be made/);
      assert.match(summary, /user-namespaces/);
    }
    const { exitCode, output } = await on("setting");
    assert.equal(exitCode, 0, output);
    assert.match(output, /switched off until.*given/s);
    for (let left = 100; left > 0 && (await readFile(setting, "utf8")) !== "1\n"; left -= 1) await setTimeout(50);
    assert.equal(await readFile(setting, "utf8"), "1\n");
  });

  it("refuses a policy with all that is wrong in it, with line and column", async () => {
    const policy = 'version: 1\nhosts:\n  - "*.com"\nfolders:\n  site: { path: ., mode: rwx }\nmodle: { use: true }\n';
    await writeFile(join(checkout, "cloister.policy.yaml"), policy);
    const { exitCode, output, summary, outputs } = await job({ command: "touch made" });
    assert.equal(exitCode, 2, output);
    for (const place of ["3:5: hosts.0", "5:26: folders.site.mode", "6:1: modle"])
      for (const text of [output, summary])
        assert.ok(text.includes(`cloister.policy.yaml:${place}: `), `${place}\n${text}`);
    assert.match(outputs, /^exit-code=2$/m);
    assert.ok(!(await readdir(checkout)).includes("made"));
  });
});
