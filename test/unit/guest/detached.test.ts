import assert from "node:assert/strict";
import { execa } from "execa";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

/** This computer is no machine: the detached supervisor, a process of its own, refuses, and its reasons come back. */
describe("a detached run", function () {
  this.timeout(120_000);
  const run = async (...words: string[]) =>
    await execa("node", ["--import", "tsx", "guest/cli/main.ts", "run", "--detach", ...words], {
      cwd: REPOSITORY,
      reject: false,
      stdin: "ignore",
    });

  it("tells every reason for which its supervisor refuses it, with the code of a refusal", async () => {
    const { exitCode, stdout, stderr } = await run("--mount", "/nope:x:rw", "--", "true");
    assert.equal(exitCode, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /CLOISTER_E_MACHINE/);
    assert.match(stderr, /--mount "\/nope:x:rw": there is no such folder/);
  });

  it("is refused before a supervisor is started when its command line is wrong", async () => {
    const { exitCode, stderr } = await run("--name", "No", "--", "true");
    assert.equal(exitCode, 2);
    assert.match(stderr, /--name "No"/);
    assert.doesNotMatch(stderr, /CLOISTER_E_MACHINE/);
  });
});
