import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineProject, testToolchain } from "../../../rehearsal/engine.ts";

/** Inputs of a command; `{ $secret: ... }` and `{ $stdoutOf: name }` stand for what JSON cannot say. */
type Commands = Record<string, Record<string, unknown>>;

/** A program that declares these commands and exports the stdout of each. */
function program(commands: Commands, options: Record<string, object> = {}): string {
  return `
    const pulumi = require("@pulumi/pulumi");
    const { local } = require("@pulumi/command");
    const commands = ${JSON.stringify(commands)};
    const options = ${JSON.stringify(options)};
    const made = {};
    const value = (raw) => {
      if (raw === null || typeof raw !== "object") return raw;
      if ("$secret" in raw) return pulumi.secret(raw.$secret);
      if ("$stdoutOf" in raw) return made[raw.$stdoutOf].stdout;
      if (Array.isArray(raw)) return raw.map(value);
      return Object.fromEntries(Object.entries(raw).map(([key, inner]) => [key, value(inner)]));
    };
    for (const [name, args] of Object.entries(commands)) {
      made[name] = new local.Command(name, value(args), options[name]);
      exports[name] = made[name].stdout;
    }`;
}

/** Waits until no process of the group is left, at most 5 s. */
async function gone(group: number): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      process.kill(-group, 0);
    } catch {
      return true;
    }
    await sleep(100);
  }
  return false;
}

describe("the command plugin", function () {
  this.timeout(120_000);
  let project: EngineProject;
  let work: string;

  before(async () => {
    project = await EngineProject.create();
    work = join(project.folder, "work");
    await mkdir(work);
  });
  after(async () => await project?.dispose());

  const log = async (): Promise<string> => await readFile(join(work, "log"), "utf8");

  it("is a stand-in only where the CLI was built", async () => {
    const { kind, env } = await testToolchain();
    assert.equal("PULUMI_HOME" in env, kind === "built");
  });

  describe("from create to destroy", () => {
    const commands = (): Commands => ({
      main: {
        create: "echo created $WHO; echo careful >&2; echo create >>log",
        update: 'echo "updated $WHO after $PULUMI_COMMAND_STDOUT and $PULUMI_COMMAND_STDERR"; echo update >>log',
        delete: 'echo "delete after $PULUMI_COMMAND_STDOUT" >>log',
        dir: work,
        environment: { WHO: "me" },
        triggers: ["one", { two: 2 }],
      },
      follower: { create: "cat", stdin: { $stdoutOf: "main" }, addPreviousOutputInEnv: false },
      quiet: { create: "print('py', end='')", interpreter: ["python3", "-c"], logging: "none" },
      hidden: {
        create: 'printf %s "$TOKEN" | wc -c | tr -d " "',
        environment: { TOKEN: { $secret: "hunter2" } },
        logging: "stderr",
      },
      files: {
        create: "mkdir -p out/deep; echo a >out/a.txt; echo b >out/deep/b.txt; echo s >out/secret.txt",
        dir: work,
      },
    });

    it("does not run anything in a preview and leaves outputs unknown", async () => {
      const texts = commands();
      Object.assign(texts["files"] as object, { assetPaths: ["out/**", "!**secret*"], archivePaths: ["out/*.txt"] });
      await project.write("index.js", program(texts));
      const { exitCode, all } = await project.preview("--diff");
      assert.equal(exitCode, 0, all);
      assert.match(all, /main\s*: \[unknown\]/);
      assert.match(all, /stdin\s*: \[unknown\]/);
      assert.doesNotMatch(all, /hunter2/);
      assert.equal(existsSync(join(work, "log")), false);
    });

    it("creates: environment, directory, standard input, interpreter, secrets, assets, log lines", async () => {
      const { exitCode, all } = await project.up();
      assert.equal(exitCode, 0, all);
      // Which of its two streams is shown last is not certain.
      assert.match(all, /main creat.*created me/);
      assert.match(all, /careful/);
      assert.doesNotMatch(all, / py$/m);
      assert.doesNotMatch(all, /from \$PATH/);
      const outputs = await project.outputs();
      assert.deepEqual(outputs, { main: "created me", follower: "created me", quiet: "py", hidden: "7", files: "" });
      const resources = await project.resources();
      const of = (name: string) => resources.find(({ urn }) => urn.endsWith(`::${name}`));
      assert.match(of("main")?.id ?? "", /^main[0-9a-f]{8}$/);
      assert.equal(of("main")?.outputs?.["stderr"], "careful");
      assert.equal(of("main")?.inputs?.["addPreviousOutputInEnv"], true);
      assert.doesNotMatch(JSON.stringify(of("hidden")), /hunter2/);
      assert.equal(of("hidden")?.outputs?.["stdout"], "7");
      const { assets, archive } = (of("files")?.outputs ?? {}) as Record<string, Record<string, unknown>>;
      assert.deepEqual(Object.keys(assets ?? {}).sort(), ["out/a.txt", "out/deep/b.txt"]);
      assert.deepEqual(Object.keys((archive?.["assets"] ?? {}) as object).sort(), ["out/a.txt", "out/secret.txt"]);
    });

    it("changes nothing when nothing changed", async () => {
      const { exitCode, all } = await project.up("--expect-no-changes");
      assert.equal(exitCode, 0, all);
      assert.match(all, /6 unchanged/);
      const refreshed = await project.refresh("--expect-no-changes");
      assert.equal(refreshed.exitCode, 0, refreshed.all);
    });

    it("updates in place, knowing the previous output", async () => {
      const texts = commands();
      Object.assign(texts["files"] as object, { assetPaths: ["out/**", "!**secret*"], archivePaths: ["out/*.txt"] });
      Object.assign(texts["main"] as object, { environment: { WHO: "you" } });
      Object.assign(texts["quiet"] as object, { create: "print('python')" });
      await project.write("index.js", program(texts));
      const before = await project.resources();
      const preview = await project.preview("--diff");
      assert.match(preview.all, /~ WHO: "me" => "you"/);
      // Its standard input is the output of a command that will run again.
      assert.match(preview.all, /~ stdin\s*: "created me" => \[unknown\]/);
      assert.match(preview.all, /3 to update/);
      const { exitCode, all } = await project.up();
      assert.equal(exitCode, 0, all);
      assert.match(all, /3 updated/);
      const { main, quiet } = await project.outputs();
      assert.equal(main, "updated you after created me and careful");
      assert.equal(quiet, "python");
      const ids = (list: typeof before) => list.map(({ id }) => id).sort();
      assert.deepEqual(ids(await project.resources()), ids(before));
      assert.equal(await log(), "create\nupdate\n");
    });

    it("replaces when a trigger changed: first the new one, then the delete of the old", async () => {
      const texts: Commands = { main: { ...commands()["main"], triggers: ["one", { two: 3 }] } };
      await project.write("index.js", program(texts));
      const preview = await project.preview("--diff");
      assert.match(preview.all, /\+-command:local:Command: \(replace\)/);
      assert.match(preview.all, /~ two: 2 => 3/);
      const { exitCode, all } = await project.up();
      assert.equal(exitCode, 0, all);
      assert.match(all, /1 replaced/);
      assert.match(all, /4 deleted/);
      assert.equal(await log(), "create\nupdate\ncreate\ndelete after updated you after created me and careful\n");
    });

    it("fails with exit code and output, and leaves the state as it was", async () => {
      const failing = {
        ...commands()["main"],
        triggers: ["one", { two: 3 }],
        update: "echo half; echo broken >&2; exit 7",
      };
      const fresh = { create: "echo fresh >&2; exit 3" };
      await project.write("index.js", program({ main: failing, fresh }));
      const { exitCode, all } = await project.up("--continue-on-error");
      assert.notEqual(exitCode, 0);
      assert.match(all, /exit status 7: running "echo half; echo broken >&2; exit 7":\s+half\s+broken/);
      assert.match(all, /exit status 3: running "echo fresh >&2; exit 3":\s+fresh/);
      const resources = await project.resources();
      const made = resources.filter(({ type }) => type === "command:local:Command");
      assert.deepEqual(
        made.map(({ urn }) => urn.split("::").at(-1)),
        ["main"],
      );
      assert.match(String(made[0]?.outputs?.["update"]), /^echo "updated/);
    });

    it("refuses what it does not know, before it does anything", async () => {
      await writeFile(
        join(project.folder, "index.js"),
        `
        const pulumi = require("@pulumi/pulumi");
        new pulumi.CustomResource("command:local:Command", "typo", { creat: "echo", environment: { N: 1 }, logging: "all" });
`,
      );
      const { exitCode, all } = await project.preview();
      assert.notEqual(exitCode, 0);
      assert.match(all, /creat is not a property of this type; there are .*create/);
      assert.match(all, /environment must be a map of strings; N is a number/);
      assert.match(all, /logging must be stdout, stderr, stdoutAndStderr or none, not "all"/);
      await writeFile(
        join(project.folder, "index.js"),
        'new (require("@pulumi/pulumi").CustomResource)("command:remote:Command", "far", { create: "echo" });',
      );
      const other = await project.preview();
      assert.notEqual(other.exitCode, 0);
      assert.match(other.all, /command:remote:Command is not supported by cloister's stand-in/);
    });

    it("runs delete on destroy", async () => {
      const { exitCode, all } = await project.destroy();
      assert.equal(exitCode, 0, all);
      assert.match(await log(), /delete after created me\n$/);
      assert.deepEqual(await project.resources(), []);
    });
  });

  describe("besides", () => {
    it("runs local.run within the program", async () => {
      await project.write(
        "index.js",
        `
        const { local } = require("@pulumi/command");
        const result = local.runOutput({ command: "echo $A; exit $B", environment: { A: "now", B: "0" } });
        exports.now = result.stdout;`,
      );
      const { exitCode, all } = await project.up();
      assert.equal(exitCode, 0, all);
      assert.deepEqual(await project.outputs(), { now: "now" });
    });

    it("kills what a command started when the engine is interrupted, and keeps nothing of it", async () => {
      await project.write(
        "index.js",
        program({
          slow: { create: "echo $$ >pid; (trap '' INT TERM; sleep 61) & sleep 61; echo done >finished", dir: work },
        }),
      );
      const running = project.start(["up", "--yes", "--skip-preview", "-s", project.stack]);
      while (!existsSync(join(work, "pid"))) await sleep(50);
      const group = Number(await readFile(join(work, "pid"), "utf8"));
      await sleep(100);
      running.kill("SIGINT");
      const { exitCode, all } = await running;
      assert.notEqual(exitCode, 0);
      assert.match(all, /signal: (SIGKILL|killed)/);
      assert.equal(await gone(group), true);
      assert.equal(existsSync(join(work, "finished")), false);
      assert.deepEqual(
        (await project.resources()).filter(({ type }) => type === "command:local:Command"),
        [],
      );
    });

    it("kills what a command started when the engine is killed", async function () {
      const { kind } = await testToolchain();
      if (kind !== "built") this.skip();
      await project.write("index.js", program({ slow: { create: "echo $$ >pid2; sleep 62", dir: work } }));
      const running = project.start(["up", "--yes", "--skip-preview", "-s", project.stack]);
      while (!existsSync(join(work, "pid2"))) await sleep(50);
      const group = Number(await readFile(join(work, "pid2"), "utf8"));
      running.kill("SIGKILL");
      assert.equal(await gone(group), true);
    });
  });
});
