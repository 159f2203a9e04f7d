import assert from "node:assert/strict";
import { Command } from "commander";
import { type AgentOptions, addAgentOptions, parseAgent } from "../../../../guest/agent/command-line.ts";
import { addRunOptions, type RunOptions } from "../../../../guest/run/options.ts";
import { RunRefused } from "../../../../guest/sessions/request.ts";

/** Reads a command line as both commands do. */
function read(words: readonly string[], isTerminal = false) {
  let task: ReturnType<typeof parseAgent> | undefined;
  const program = new Command("cloister").enablePositionalOptions().exitOverride();
  addRunOptions(addAgentOptions(program.command("agent")), "agent").action(
    (_prompt: string | undefined, _flags: string[], options: RunOptions & AgentOptions, self: Command) => {
      task = parseAgent(self.args, words, options, isTerminal);
    },
  );
  program.parse(words, { from: "user" });
  return task ?? assert.fail("it was not called");
}

describe("the words of cloister agent", () => {
  it("are a prompt, our options, and behind -- Claude Code's flags in any order", () => {
    const flags = ["--output-format", "json", "-c", "--max-turns=3", "--", "x"];
    for (const before of [
      ["do it", "--allow", "npm"],
      ["--allow", "npm", "do it"],
      ["--name", "work", "do it", "--allow=npm"],
    ]) {
      assert.deepEqual(read(["agent", ...before, "--", ...flags]), { prompt: "do it", interactive: false, flags });
    }
    assert.deepEqual(read(["agent", "do it"]), { prompt: "do it", interactive: false, flags: [] });
  });

  it("may lack the prompt: it comes from a pipe, or a person on a terminal has the word", () => {
    assert.deepEqual(read(["agent", "--", "--model", "x"]), { interactive: false, flags: ["--model", "x"] });
    assert.deepEqual(read(["agent"], true), { interactive: true, flags: [] });
    assert.equal(read(["agent", "do it"], true).interactive, false);
    assert.equal(read(["agent", "--", "-p"], true).interactive, false);
  });

  it("go on with a session's conversation, which has a name", () => {
    assert.deepEqual(read(["agent", "--name", "work", "-c", "more"]), {
      prompt: "more",
      interactive: false,
      continue: true,
      flags: [],
    });
    for (const words of [["-c", "more"], ["do", "it"], [" "]]) {
      assert.throws(() => read(["agent", ...words]), RunRefused, words.join(" "));
    }
  });
});
