import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { operatorProgram } from "../../cli/program.ts";
import { REPOSITORY } from "../../rehearsal/project-copy.ts";
import { readTutorial, unmet } from "../support/tutorial.ts";

/** The page is run by test/vm/first-hour.test.ts; this tells of a command that is not there, at once. */
describe("docs/first-hour.md", () => {
  it("has only commands that the operator's command has", async () => {
    const steps = readTutorial(await readFile(join(REPOSITORY, "docs/first-hour.md"), "utf8"));
    const known = new Set(operatorProgram().commands.map((command) => command.name()));
    const used = steps.flatMap(({ commands }) =>
      [...commands.matchAll(/^cloister ([a-z]+)/gm)].map(([, name]) => name ?? ""),
    );
    assert.ok(used.length > 10, "the control: commands were found");
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      [],
    );
  });

  it("is held against real output line by line", () => {
    const [step] = readTutorial("```sh\na\n```\n\n```text\none … three\n(x)\n```\n");
    assert.deepEqual(step, { commands: "a", shown: ["one … three", "(x)"] });
    assert.deepEqual(unmet(step.shown, "one two three  \n(x)\n"), []);
    assert.deepEqual(unmet(step.shown, "one three\nx\n"), ["one … three", "(x)"]);
  });
});
