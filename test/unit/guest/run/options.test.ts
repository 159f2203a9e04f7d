import assert from "node:assert/strict";
import type { Command } from "commander";
import fc from "fast-check";
import { operatorProgram } from "../../../../cli/program.ts";
import { machineProgram } from "../../../../guest/cli/program.ts";
import {
  parseRun,
  type RunOptions,
  refusalOnCommandLine,
  takeCarried,
  toWords,
} from "../../../../guest/run/options.ts";
import { problemsOf, requestIn, type SealedRun } from "../../../../guest/run/request.ts";
import { RunRefused } from "../../../../guest/sessions/request.ts";

const NONE: RunOptions = { allow: [], mount: [], env: [] };

const commandOf = (program: Command, name: string): Command =>
  program.commands.find((one) => one.name() === name) ?? assert.fail(`there is no ${name}`);

/** Options by their long flag. */
const optionsOf = (program: Command, name: string) =>
  new Map(commandOf(program, name).options.map((option) => [option.long, option] as const));

/** Parses words as the machine's own command would. */
function machineReads(words: readonly string[], environment: NodeJS.ProcessEnv): { run: SealedRun; json: boolean } {
  const program = machineProgram();
  let read: { run: SealedRun; json: boolean } | undefined;
  commandOf(program, "run").action((command: string[], options: RunOptions) => {
    read = { run: parseRun(command, options, takeCarried({ ...environment })), json: options.json ?? false };
  });
  const [program_, ...rest] = words;
  assert.equal(program_, "cloister");
  program.parse(rest, { from: "user" });
  return read ?? assert.fail("it was not called");
}

describe("the options of a sealed run", () => {
  it("are the same on the operator's computer and on the machine", () => {
    for (const name of ["run", "agent"]) {
      const [operator, machine] = [optionsOf(operatorProgram(), name), optionsOf(machineProgram(), name)];
      const own = name === "run" ? ["--tty", "--here"] : ["--here"];
      assert.deepEqual(
        [...operator.keys()].sort(),
        [...machine.keys(), ...own, "--stack", "--region", "--machine"].sort(),
      );
      for (const [long, option] of machine) {
        assert.equal(operator.get(long)?.flags, option.flags);
        assert.equal(operator.get(long)?.description, option.description);
      }
    }
  });

  it("reach the machine as they were written, whatever they hold", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !text.includes("\0"));
    const name = fc.constantFrom("A", "PATH", "NODE_OPTIONS", "LD_PRELOAD", "_x9");
    const host = fc.constantFrom("example.com", "example.com:443", "*.example.com", "npm", "[2606:4700::1111]:443");
    const folder = fc.constantFrom("/sessions/folders/a", "/data/b c", "/data/x:y");
    const run = fc.record(
      {
        command: fc.array(word, { minLength: 1, maxLength: 4 }),
        allow: fc.array(host, { minLength: 1, maxLength: 3 }),
        mounts: fc.uniqueArray(
          fc.record(
            {
              source: folder,
              name: fc.constantFrom("a", "b", "c"),
              mode: fc.constantFrom("ro" as const, "rw" as const, "rwd" as const, "trash" as const),
            },
            { noNullPrototype: true },
          ),
          { selector: (mount) => mount.name, minLength: 1 },
        ),
        name: fc.constantFrom("work", "brave-loving-maxwell"),
        keep: fc.constant(true),
        environment: fc.dictionary(name, word, { minKeys: 1, noNullPrototype: true }),
        cwd: fc.constantFrom("mnt/a", "/tmp", "-x"),
        agent: fc.constant(true),
        timeoutMs: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        model: fc.constantFrom("some-model", "a/b:c"),
        limits: fc
          .record(
            { memoryMiB: fc.integer({ min: 1, max: 999 }), tasksMax: fc.constant(7), tmpMiB: fc.constant(9) },
            { requiredKeys: [], noNullPrototype: true },
          )
          .filter((limits) => Object.keys(limits).length > 0),
      },
      { requiredKeys: ["command"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(run, fc.boolean(), (wanted, json) => {
        const { words, environment } = toWords(wanted as SealedRun, { json });
        assert.deepEqual(machineReads(words, environment), { run: wanted, json });
      }),
    );
  });

  it("carry values of variables in no word, and in variables that mean nothing to any program", () => {
    const { words, environment } = toWords({ command: ["true"], environment: { LD_PRELOAD: "a-secret-value" } });
    assert.ok(!words.join("\n").includes("a-secret-value"));
    assert.ok(words.includes("--env=LD_PRELOAD"), "the control: its name is there");
    assert.deepEqual(environment, { CLOISTER_ENV_LD_PRELOAD: "a-secret-value" });
    const mine: NodeJS.ProcessEnv = { ...environment, HOME: "/root" };
    assert.deepEqual(takeCarried(mine), { LD_PRELOAD: "a-secret-value" });
    assert.deepEqual(mine, { HOME: "/root" }, "nothing that is started later inherits it");
  });

  it("take a variable's value from the caller where none is written", () => {
    const run = parseRun(["true"], { ...NONE, env: ["A", "B=", "C=1=2"] }, { A: "from here" });
    assert.deepEqual(run.environment, { A: "from here", B: "", C: "1=2" });
  });

  it("are refused with every problem in one round, each with its option, its value and its code", () => {
    const wrong = {
      allow: ["*", "10.0.0.1", "npmm"],
      mount: ["x", "/etc:etc:rw", "a:b:ro", "/data:a:rx"],
      env: ["9a=1", "MISSING", "=x"],
      name: "No Name",
      cwd: "",
      timeout: "soon",
      memory: "lots",
      tasks: "0",
      model: "$(x)",
    };
    let refused: unknown;
    try {
      parseRun([""], wrong, {});
    } catch (error) {
      refused = error;
    }
    assert.ok(refused instanceof RunRefused);
    const text = refusalOnCommandLine(refused);
    for (const [says, code] of [
      ["command: there is none: write it after --", "COMMAND"],
      ['--allow "*": not a host (a whole top-level domain is too much)', "ALLOW"],
      ['--allow "10.0.0.1": 10.0.0.1 (a private', "ALLOW_NEVER"],
      ['--allow "npmm": not a host and no group; write HOST', "ALLOW"],
      ['--mount "x": write DIR:NAME:MODE', "MOUNT"],
      ['--mount "/etc:etc:rw": /etc belongs to the machine', "MOUNT"],
      ['--mount "a:b:ro": the folder\'s path must be absolute', "MOUNT"],
      ['--mount "/data:a:rx": there is no mode "rx"', "MOUNT"],
      ['--env "9a": not a variable\'s name', "ENV"],
      ['--env "MISSING": this variable is not set here', "ENV"],
      ['--env "": write NAME=VALUE', "ENV"],
      ['--name "No Name": write lower-case letters', "NAME"],
      ['--cwd "": write a path inside the session', "CWD"],
      ['--timeout "soon": write seconds above 0', "TIMEOUT"],
      ['--memory "lots": write a whole number', "LIMIT"],
      ['--tasks "0": write a whole number', "LIMIT"],
      ['--model "$(x)": write a model', "MODEL"],
    ] as const) {
      const line = text.split("\n").find((one) => one.includes(says)) ?? assert.fail(`${says} is not in\n${text}`);
      assert.ok(line.endsWith(`[CLOISTER_E_${code}]`), line);
    }
    assert.equal(refused.problems.length, 17, text);
    assert.doesNotMatch(refused.message, /--(allow|mount|env|name|cwd|timeout)\b/, "the library knows no options");
  });

  it("are refused by a program's types and names, too", () => {
    for (const [request, says] of [
      [{ command: ["x"], alow: [] }, /Unrecognized key: "alow"/],
      [{ command: "x" }, /command: Invalid input/],
      [{ command: ["x"], keep: 1 }, /keep: Invalid input/],
      [{}, /command: Invalid input/],
    ] as const) {
      const [problem] = problemsOf(request);
      assert.equal(problem?.code, "CLOISTER_E_REQUEST");
      assert.match(problem?.message ?? "", says);
    }
    assert.deepEqual(problemsOf({ command: ["x"], cwd: "mnt/a" }), []);
    assert.deepEqual(requestIn({ command: ["x"], stdio: "capture", verifying: true }), { command: ["x"] });
  });
});
