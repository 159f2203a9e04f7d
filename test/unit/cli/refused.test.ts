import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { execa } from "execa";
import { defaultStack } from "../../../cli/default-stack.ts";
import { globalsOf, operatorProgram, settleRegion } from "../../../cli/program.ts";

const CLOISTER = join(import.meta.dirname, "../../../cli/bin.mjs");

/** The operator's command as a process, with a cache that is empty and a PATH without a toolchain. */
describe("what is written wrongly for the operator's command", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "cloister-refused-"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const cloister = async (args: readonly string[], { input = "", stack = "none" } = {}) => {
    const { exitCode, stderr } = await execa(process.execPath, [CLOISTER, ...args], {
      // A backend is named, so that the developer's own stack is none that is meant.
      env: {
        ...{ PATH: home, HOME: home, XDG_CACHE_HOME: home, CLOISTER_CACHE: home },
        ...{ CLOISTER_STACK: stack, PULUMI_BACKEND_URL: "file:///nowhere" },
      },
      extendEnv: false,
      cwd: home,
      input,
      reject: false,
      timeout: 30_000,
    });
    // The command itself starts from a bundle, which is kept.
    const cache = await readdir(join(home, "cloister")).catch(() => []);
    const left = [...(await readdir(home)).filter((name) => name !== "cloister"), ...cache].filter(
      (name) => name !== "bundles",
    );
    return { exitCode, stderr, left };
  };

  for (const [what, args, input, ...codes] of [
    [
      "run",
      [
        "run",
        "--allow",
        "https://x.example",
        "--mount",
        "/etc:e:rw",
        "--name",
        "A",
        "--env",
        "9=1",
        "--timeout",
        "x",
        "--",
        "true",
      ],
      "",
      ...["ALLOW", "MOUNT", "NAME", "ENV", "TIMEOUT"],
    ],
    ["run --cwd", ["run", "--cwd", "", "--", "true"], "", "CWD"],
    ["agent", ["agent", "do it", "--allow", "169.254.169.254", "--mount", "x"], "", "ALLOW_NEVER", "MOUNT"],
    ["agent, with more than a prompt", ["agent", "do", "it"], "", "PROMPT"],
    ["agent --continue", ["agent", "--continue", "go on"], "", "PROMPT"],
    ["sessions rm", ["sessions", "rm", "work", "No Name"], "", "NAME"],
    ["key set", ["key", "set"], "too short and with spaces\n", "KEY"],
    ["key set of nothing", ["key", "set"], "", "KEY"],
  ] as const) {
    it(`is refused here, before anything is asked or started: ${what}`, async () => {
      const { exitCode, stderr, left } = await cloister(args, { input });
      assert.equal(exitCode, 2, stderr);
      for (const code of codes) assert.match(stderr, new RegExp(`\\[CLOISTER_E_${code}\\]`), stderr);
      assert.doesNotMatch(stderr, /too short and with spaces/, "a key is in no message");
      assert.deepEqual(left, [], "neither a toolchain nor a cache was made");
    });
  }

  it("is refused without a stack, with every command that needs one", async () => {
    for (const args of [["ls"], ["run", "--", "true"], ["sessions", "ls"], ["key", "status"]]) {
      const { exitCode, stderr } = await cloister(args, { stack: "" });
      assert.equal(exitCode, 2);
      assert.match(stderr, /no stack: write --stack NAME, or set CLOISTER_STACK\..*\[CLOISTER_E_NO_STACK\]/);
    }
  });

  it("is refused where it is no stack's name, before Pulumi is asked", async () => {
    for (const stack of ["a b", "../x", "/etc", "a/b/c/d", ".", "a".repeat(101)]) {
      const { exitCode, stderr, left } = await cloister(["--stack", stack, "ls"]);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, /a stack's name has letters, digits, .* only, 100 at most\. \[CLOISTER_E_USAGE\]/);
      assert.deepEqual(left, []);
    }
  });

  it("is told of a copy's paths although no stack is named", async () => {
    const { exitCode, stderr } = await cloister(["cp", "a", "b"], { stack: "" });
    assert.equal(exitCode, 2);
    assert.match(stderr, /one of both must be on a machine/);
  });

  it("is told by help, with what was meant", async () => {
    for (const [args, said] of [
      [["help", "rum"], /cloister has no command 'rum'\. Did you mean run\? There are: ls, run, /],
      [["help", "sessions", "lss"], /sessions has no command 'lss'\. Did you mean ls\?/],
      [["key", "help", "nonsense"], /key has no command 'nonsense'\. There are: set, status, clear, help\./],
    ] as const) {
      const { exitCode, stderr } = await cloister(args);
      assert.equal(exitCode, 2);
      assert.match(stderr, said);
    }
  });

  it("is only what is wrong: the same without its mistakes goes on to the next question", async () => {
    const words = ["run", "--allow", "npm", "--name", "a", "--env", "PATH", "--cwd", "mnt/x", "--tty", "--", "true"];
    const { exitCode, stderr } = await cloister(words);
    assert.equal(exitCode, 2);
    assert.equal(stderr, "cloister: --tty needs a terminal on this side as well. [CLOISTER_E_USAGE]");
  });
});

describe("the stack, where none is named", () => {
  let project: string;
  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "cloister-default-"));
  });
  afterEach(() => rm(project, { recursive: true, force: true }));

  const make = async (...names: string[]) => {
    const folder = join(project, ".cloister/state/.pulumi/stacks/cloister");
    await mkdir(folder, { recursive: true });
    for (const name of names) await writeFile(join(folder, `${name}.json`), "{}");
    await writeFile(join(folder, "gone.json.bak"), "{}");
  };

  it("is the only one of the project's own backend", async () => {
    const env = { PULUMI_HOME: project };
    assert.equal(defaultStack(env, project), undefined);
    await make("mine");
    assert.equal(defaultStack(env, project), "mine");
    await make("other");
    assert.equal(defaultStack(env, project), undefined, "of two none is meant");
  });

  it("is none where the user has chosen another backend", async () => {
    await make("mine");
    assert.equal(defaultStack({ PULUMI_HOME: project, PULUMI_BACKEND_URL: "s3://x" }, project), undefined);
    await writeFile(join(project, "credentials.json"), '{"current": "https://api.pulumi.com"}');
    assert.equal(defaultStack({ PULUMI_HOME: project }, project), undefined);
  });
});

describe("a region of the environment", () => {
  it("is for stacks on AWS: a machine of this computer is found without it", () => {
    const of = (stack: string, region?: string) => {
      const env: NodeJS.ProcessEnv = { CLOISTER_REGION: "eu-central-1" };
      settleRegion(stack, region, env, (name) => name === "local");
      return env["CLOISTER_REGION"];
    };
    assert.equal(of("dev"), "eu-central-1");
    assert.equal(of("local"), undefined);
    assert.equal(of("local", "us-east-1"), "us-east-1", "an option is meant");
  });
});

describe("a region", () => {
  it("is refused where it can be none, from the option and from the environment", () => {
    const settle = (region: string | undefined, env: NodeJS.ProcessEnv) =>
      settleRegion("prod", region, env, () => false);
    for (const region of ["mars-1", "eu-central", "EU-CENTRAL-1", "eu_central_1", "eu-central-1a", "x/../y-1"])
      assert.throws(() => settle(region, {}), /--region ".*": write a region of AWS's/);
    assert.throws(() => settle(undefined, { CLOISTER_REGION: "mars" }), /CLOISTER_REGION "mars": write a region/);
    for (const region of ["eu-central-1", "us-gov-west-1", "ap-southeast-7", "eusc-de-east-1", "us-iso-east-1"])
      assert.doesNotThrow(() => settle(region, {}), region);
    assert.doesNotThrow(() => settle(undefined, {}));
    assert.doesNotThrow(() => settle(undefined, { CLOISTER_REGION: "" }));
    const own = { CLOISTER_REGION: "mars" };
    settleRegion("local", undefined, own, () => true);
    assert.deepEqual(own, {}, "it is not meant for a machine of this computer");
  });
});

describe("the options that every command has", () => {
  const read = (...words: string[]) => {
    const program = operatorProgram();
    let found: unknown;
    const catchAll = (command: Command): void => {
      for (const one of command.commands) {
        if (one.commands.length === 0) {
          one.action((...args: unknown[]) => {
            found = globalsOf(args.at(-1) as Command);
          });
        }
        catchAll(one);
      }
    };
    catchAll(program);
    program.parse(words, { from: "user" });
    return found;
  };

  it("stand before the command or behind it", () => {
    const both = { stack: "dev", machine: "one" };
    for (const words of [
      ["--stack", "dev", "--machine", "one", "verify"],
      ["verify", "--stack", "dev", "-m", "one"],
      ["-s", "dev", "verify", "--machine=one", "--all-rows"],
      ["run", "--stack", "dev", "-m", "one", "--", "true"],
      ["-s", "dev", "run", "-m", "one", "true", "--stack", "the command's own"],
      ["agent", "do it", "-s", "dev", "-m", "one", "--", "--model", "x"],
      ["sessions", "-s", "dev", "ls", "-m", "one"],
      ["key", "set", "-s", "dev", "-m", "one"],
      ["-s", "dev", "verify", "-s", "dev", "-m", "one"],
    ]) {
      assert.deepEqual(read(...words), both, words.join(" "));
    }
  });

  it("are refused where one command has one of them twice", () => {
    for (const words of [
      ["ls", "-s", "dev", "-s", "prod"],
      ["-s", "dev", "-s", "prod", "ls"],
      ["verify", "-m", "one", "--machine", "two"],
      ["ls", "--region", "eu-central-1", "--region", "us-east-1"],
    ]) {
      assert.throws(() => read(...words), /is written twice: /, words.join(" "));
    }
    assert.deepEqual(read("ls", "-s", "dev", "-s", "dev"), { stack: "dev" }, "one value is no doubt");
  });

  it("are refused where they are written twice with two values", () => {
    assert.throws(() => read("-s", "dev", "ls", "-s", "prod"), /--stack is written twice: dev and prod/);
  });
});
