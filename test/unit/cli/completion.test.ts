import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { split } from "shlex";
import { FEW_VALUES } from "../../../cli/commands/completion.ts";
import { SCRIPTS, SHELLS } from "../../../cli/completion/scripts.ts";
import { suggest } from "../../../cli/completion/suggest.ts";
import { EXAMPLES } from "../../../cli/examples.ts";
import {
  knownMachines,
  knownPools,
  knownSessions,
  knownStacks,
  rememberMachines,
  rememberPools,
  rememberSessions,
} from "../../../cli/known-names.ts";
import { operatorProgram } from "../../../cli/program.ts";

const values = {
  stack: () => [["dev", "stack"] as const, ["prod", "stack"] as const],
  machine: () => [["one", "machine"] as const],
  session: () => [["web", "session"] as const, ["work", "session"] as const],
  allow: () => [["npm", "a group"] as const],
  ...FEW_VALUES,
};

const of = (...words: string[]) => {
  const { words: found, files } = suggest(operatorProgram(), words, values, ["cp"]);
  return [...found.map(([word]) => word), ...(files ? [":files"] : [])];
};

describe("completion", () => {
  it("suggests commands, and the commands below them", () => {
    assert.ok(["ls", "run", "audit", "doctor", "completion"].every((name) => of("").includes(name)));
    assert.ok(!of("").includes("complete"), "what only shells call");
    assert.deepEqual(of("ver"), ["verify"]);
    assert.deepEqual(of("sessions", ""), ["ls", "rm", "stop", "help"]);
    assert.deepEqual(of("--stack", "dev", "key", "s"), ["set", "status"]);
  });

  it("suggests the options of the command, and none twice that is given once", () => {
    assert.deepEqual(of("ls", "--"), ["--stack", "--machine", "--region", "--ask", "--json", "--help"]);
    assert.deepEqual(of("ls", "--json", "--stack", "dev", "--"), ["--machine", "--region", "--ask", "--help"]);
    assert.deepEqual(of("run", "--allow", "npm", "--allo"), ["--allow", "--allow-private"]);
  });

  it("suggests values: stacks, machines, groups, in each way to write them", () => {
    for (const words of [
      ["-s", ""],
      ["ls", "--stack", ""],
      ["ls", "--stack", "="],
      ["verify", "-s", ""],
    ]) {
      assert.deepEqual(of(...words), ["dev", "prod"], words.join(" "));
    }
    assert.deepEqual(of("ls", "--stack", "=", "p"), ["prod"], "as bash hands it over");
    assert.deepEqual(of("ls", "--stack=p"), ["--stack=prod"], "as zsh and fish do");
    assert.deepEqual(of("shell", "-m", ""), ["one"]);
    assert.deepEqual(of("run", "--allow", ""), ["npm"]);
    assert.deepEqual(of("run", "--name", ""), [], "a value that nobody knows");
    assert.deepEqual(of("completion", ""), [...SHELLS]);
  });

  it("suggests the sessions that are known, wherever one is named", () => {
    for (const words of [["logs"], ["forward"], ["sessions", "stop"], ["audit", "--session"], ["logs", "--follow"]]) {
      assert.deepEqual(of(...words, "w"), ["web", "work"], words.join(" "));
    }
    assert.deepEqual(of("sessions", "rm", "web", "wo"), ["work"], "a second one");
    assert.deepEqual(of("forward", "web", ""), [], "a port");
    assert.deepEqual(of("logs", "web", ""), []);
  });

  it("knows sessions as they were last listed, and takes no other text for one", () => {
    const cache = mkdtempSync(join(tmpdir(), "cloister-names-"));
    try {
      const place = { project: cache, cache };
      rememberSessions({ stack: "dev", machine: "one" }, () => ["work", "web", "$(id)", "-x"], place);
      rememberSessions({ stack: "dev", machine: "two" }, (known) => [...known, "web", "other"], place);
      assert.deepEqual(knownSessions("dev", place), ["other", "web", "work"]);
      assert.deepEqual(knownSessions("prod", place), []);
      rememberSessions({ stack: "dev", machine: "one" }, (known) => known.filter((name) => name !== "work"), place);
      assert.deepEqual(knownSessions("dev", place), ["other", "web"]);
      writeFileSync(join(cache, "outputs", readdirSync(join(cache, "outputs"))[0] ?? ""), '{"dev":{"one":["a b"]}}');
      assert.deepEqual(knownSessions("dev", place), [], "a file that somebody wrote");
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });

  it("suggests files wherever one can stand, and the values of options that have few", () => {
    for (const words of [
      ["run", "--policy", ""],
      ["run", "--policy", "=", "ci/"],
      ["policy", "learn", "--output", ""],
      ["policy", "check", ""],
      ["policy", "learn", "npm", ""],
      ["sync", ""],
    ]) {
      assert.deepEqual(of(...words), [":files"], words.join(" "));
    }
    assert.deepEqual(of("sync", ".", ""), []);
    assert.deepEqual(of("sync", "--prefer", ""), ["here", "machine"]);
    assert.deepEqual(of("bootstrap", "--forge", "gitl"), ["gitlab"]);
    assert.deepEqual(of("help", "se"), ["sessions"]);
    assert.deepEqual(of("sessions", "help", ""), ["ls", "rm", "stop"]);
  });

  it("knows a stack's pools as they were last read", () => {
    const cache = mkdtempSync(join(tmpdir(), "cloister-names-"));
    try {
      const place = { project: cache, cache };
      rememberPools("dev", ["small", "workers"], place);
      assert.deepEqual(knownPools("dev", place), ["small", "workers"]);
      assert.deepEqual(knownMachines("dev", place), []);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });

  it("leaves files and other programs' words to the shell", () => {
    assert.deepEqual(of("cp", "x"), [":files"]);
    assert.deepEqual(of("run", "--", "ls", ""), [":files"]);
    assert.deepEqual(of("run", "ls", "--"), [":files"]);
    assert.deepEqual(of("ls", ""), []);
  });

  it("knows stacks and machines without asking anybody", () => {
    const project = mkdtempSync(join(tmpdir(), "cloister-names-"));
    try {
      const place = { project, cache: join(project, "cache") };
      writeFileSync(join(project, "Pulumi.prod.yaml"), "");
      writeFileSync(join(project, "Pulumi.yaml"), "");
      mkdirSync(join(project, ".cloister/state/.pulumi/stacks/cloister"), { recursive: true });
      writeFileSync(join(project, ".cloister/state/.pulumi/stacks/cloister/local.json"), "{}");
      rememberMachines("dev", ["one", "two"], place);
      assert.deepEqual(knownStacks(place), ["dev", "local", "prod"]);
      assert.deepEqual(knownMachines("dev", place), ["one", "two"]);
      rememberMachines("dev", ["one"], place);
      assert.deepEqual(knownMachines("dev", place), ["one"]);
      assert.deepEqual(knownMachines("prod", place), []);
      // A cache that cannot be written is in nobody's way.
      rememberMachines("dev", ["three"], { project, cache: join(project, "Pulumi.yaml") });
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  });

  describe("in the shell itself", function () {
    this.timeout(60_000);
    this.slow(10_000);
    let folder: string;
    let env: NodeJS.ProcessEnv;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "cloister-shells-"));
      const bin = join(import.meta.dirname, "../../../cli/bin.mjs");
      writeFileSync(join(folder, "cloister"), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, { mode: 0o755 });
      env = {
        ...{ HOME: folder, PATH: [folder, process.env["PATH"]].join(delimiter), TERM: "dumb", LC_ALL: "C.UTF-8" },
        ...{ CLOISTER_CACHE_DIR: process.env["CLOISTER_CACHE_DIR"], XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] },
      };
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    /** Runs a script in a shell; skips the test where there is no such shell. */
    const run = (test: Mocha.Context, shell: string, args: readonly string[], script: string): string[] => {
      const { stdout, stderr, status, error } = spawnSync(shell, [...args, script], {
        env,
        cwd: folder,
        encoding: "utf8",
      });
      if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") test.skip();
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "");
      return stdout.split("\n").filter((line) => line !== "");
    };

    const cases: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
      [["aud"], ["audit"]],
      [
        ["sessions", ""],
        ["help", "ls", "rm", "stop"],
      ],
      [["--stack", "loc"], ["local"]],
      [["run", "--allow", "py"], ["pypi"]],
      // Typed words are handed on, and never run.
      [["run", "--name", `$(touch ${"$HOME"}/evaluated)`, "--keep", "--jso"], ["--json"]],
      [["run", "--name", "`touch $HOME/evaluated`", "--timeo"], ["--timeout"]],
    ];
    const untouched = () => assert.equal(spawnSync("test", ["-e", join(folder, "evaluated")]).status, 1, "it was run");

    it("bash", function () {
      for (const [words, expected] of cases) {
        const array = ["cloister", ...words].map((word) => `'${word}'`).join(" ");
        const script = `${SCRIPTS.bash}\nCOMP_WORDS=(${array}); COMP_CWORD=${words.length}; compopt() { :; }; _cloister; printf '%s\\n' "\${COMPREPLY[@]}"`;
        assert.deepEqual(run(this, "bash", ["--norc", "-c"], script).sort(), expected, words.join(" "));
      }
      const registered = run(this, "bash", ["--norc", "-c"], `${SCRIPTS.bash}${SCRIPTS.bash}complete -p cloister`);
      assert.deepEqual(registered, ["complete -o default -F _cloister cloister"]);
      untouched();
    });

    it("zsh", function () {
      for (const [words, expected] of cases) {
        const array = ["cloister", ...words].map((word) => `'${word}'`).join(" ");
        // The two functions of zsh's own that show what was found are the ones that tell us.
        const show = `compdef() { :; }\n_files() { print -r -- :files }\n_describe() { print -rl -- "\${(@P)4%%:*}" }`;
        const script = `${show}\n${SCRIPTS.zsh}\nwords=(${array}); CURRENT=${words.length + 1}; _cloister || :`;
        const found = run(this, "zsh", ["-f", "-c"], script);
        // zsh itself leaves out what does not begin with the word.
        assert.deepEqual(found.sort(), expected, words.join(" "));
      }
      untouched();
    });

    it("fish", function () {
      // A backtick is nothing special in fish: what is between two of them is not one word.
      for (const [words, expected] of cases.filter(([line]) => !line.join().includes("`"))) {
        const line = ["cloister", ...words].join(" ");
        const script = `${SCRIPTS.fish}\ncomplete -C '${line}'`;
        const found = run(this, "fish", ["--no-config", "-c"], script).map((one) => one.split("\t")[0] ?? "");
        assert.deepEqual(found.sort(), expected, line);
      }
      untouched();
    });
  });
});

describe("the help of each command", () => {
  const leaves = (command: Command, path = ""): [string, Command][] =>
    command.commands.flatMap((child) => {
      const name = path === "" ? child.name() : `${path} ${child.name()}`;
      return child.commands.length > 0 ? leaves(child, name) : [[name, child] as [string, Command]];
    });

  it("has examples, each of which the command takes", () => {
    const program = operatorProgram();
    const named = leaves(program).filter(([name]) => !/^(complete|run)$|\bhelp$/.test(name));
    for (const [name] of named) assert.ok((EXAMPLES[name] ?? []).length > 0, `${name} has examples`);
    for (const [name, examples] of Object.entries(EXAMPLES)) {
      assert.ok(
        named.some(([one]) => one === name),
        `${name} is a command`,
      );
      for (const example of examples) {
        const options = [...example.matchAll(/ (--[a-z-]+)/g)].map(([, option]) => option);
        const command = named.find(([one]) => one === name)?.[1];
        const known = command?.options.map(({ long }) => long) ?? [];
        for (const option of options) assert.ok(known.includes(option), `${example}: ${option}`);
        assert.ok(example.includes(name.split(" ").at(-1) ?? ""), example);
      }
    }
  });

  it("has examples that can be typed as they are", async () => {
    for (const [name, examples] of Object.entries(EXAMPLES)) {
      for (const example of examples) {
        // What a shell does with them is no word of the command's.
        const line = /cloister (?:[^#|&<)"]|"[^"]*")*/.exec(example)?.[0] ?? assert.fail(example);
        const [, ...words] = split(line);
        const program = operatorProgram().exitOverride();
        let ran = "";
        for (const [path, leaf] of leaves(program))
          leaf.exitOverride().action(() => {
            ran = path;
          });
        await program.parseAsync(words, { from: "user" }).catch((error: Error) => {
          throw new Error(`${example}: ${error.message}`);
        });
        assert.equal(ran, name, example);
      }
    }
  });
});
