import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { copyProject, REPOSITORY } from "../../rehearsal/project-copy.ts";
import { readTutorial, unmet } from "../support/tutorial.ts";

/** The page docs/first-hour.md, word by word, on a real machine: nothing stands in. It is behind `npm run test:tutorial`. */
describe("the tutorial", function () {
  this.timeout(2_400_000);
  let folder: string;
  let project: string;
  let env: NodeJS.ProcessEnv;
  before(async function () {
    if (process.env["CLOISTER_TEST_TUTORIAL"] === undefined) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-tutorial-"));
    project = join(folder, "cloister");
    await copyProject(project, ["Pulumi.local.yaml"]);
    await mkdir(join(folder, "home"));
    env = {
      ...process.env,
      HOME: join(folder, "home"),
      // What was downloaded and built before serves here too.
      XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    };
    delete env["CLOISTER_STACK"];
    delete env["ANTHROPIC_API_KEY"];
  });
  after(async () => {
    if (folder === undefined) return;
    // When the page was not followed to its end, its machine still runs.
    await execa("npm", ["run", "-s", "down"], { cwd: project, env, reject: false });
    await rm(folder, { recursive: true, force: true });
  });

  it("does what it says, every command and every line that it shows", async () => {
    const steps = readTutorial(await readFile(join(REPOSITORY, "docs/first-hour.md"), "utf8"));
    assert.ok(steps.length > 10, "the control: the page's commands were found");
    const script = steps.flatMap(({ commands }, i) => [`echo "::step ${i}"`, commands]).join("\n");
    const shell = await execa("bash", ["-euo", "pipefail", "-c", script], {
      cwd: project,
      env,
      reject: false,
      all: true,
      stdin: "ignore",
    });
    const said = shell.all.split(/^::step \d+$/m).slice(1);
    console.log(shell.all.replace(/^/gm, "      "));
    assert.equal(shell.exitCode, 0, `it stopped in step ${said.length - 1}`);
    assert.deepEqual(
      steps.flatMap(({ shown }, i) => unmet(shown, said[i] ?? "").map((line) => `step ${i}: ${line}`)),
      [],
    );
  });
});
