import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { eventsFrom, stackName, withRecorded } from "../../../preview/options.ts";

describe("values that several commands take", () => {
  it("are names of stacks, and nothing that leads elsewhere", () => {
    assert.equal(stackName("prod-eu.1"), "prod-eu.1", "the control");
    for (const bad of ["", "a/b", "a;b", "a b", "a\nb"]) assert.throws(() => stackName(bad), /no name of a stack/);
  });

  it("are a file's events, one a line", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-events-"));
    try {
      const file = join(folder, "events");
      await writeFile(file, "one\r\ntwo\n");
      const lines: string[] = [];
      await eventsFrom(file, { add: (line) => lines.push(line) });
      assert.deepEqual(lines, ["one", "two"]);
      await assert.rejects(eventsFrom(join(folder, "none"), { add: () => {} }), /ENOENT/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("refuse a run that is there already beside what asks for another", () => {
    const parsed = (...words: string[]) => {
      const told: string[] = [];
      const command = new Command("preview").option("--rights").exitOverride();
      withRecorded(command, "preview", ["rights"]).configureOutput({ writeErr: (text) => told.push(text) });
      assert.ok(command.parse(words, { from: "user" }), "taken");
      return told.join("");
    };
    const recorded = ["--events", "e", "--state", "s"];
    assert.equal(parsed(...recorded), "", "the control");
    assert.throws(() => parsed(...recorded, "--rights"), /'--events <file>' cannot be used with option '--rights'/);
  });
});
