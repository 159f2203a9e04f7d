import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrongFolders } from "../../../../cli/container/ci/policy-folders.ts";

describe("the folders of a CI step's policy", () => {
  let top: string;
  let folder: string;
  const at = (...parts: string[]) => join(top, ...parts);
  const judge = (mounts: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    wrongFolders([...mounts, `${folder}:work:trash`], { folder, name: "work", results: at("results") }, environment);

  beforeEach(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), "cloister-folders-")));
    folder = at("checkout");
    for (const path of ["checkout/site/deep", "home/deep", "results/audit", "temp", "action/cli"])
      await mkdir(at(path), { recursive: true });
  });
  afterEach(() => rm(top, { recursive: true, force: true }));

  it("lead through no link of the checkout's", async () => {
    const mounts = [`${folder}/site/deep:a:ro`, `${folder}/site:b:rw`, `${folder}:c:ro`];
    assert.deepEqual(judge(mounts), [], "the control");
    await rename(at("checkout/site"), at("checkout/old"));
    await symlink(at("home"), at("checkout/site"));
    const wrong = judge(mounts);
    assert.equal(wrong.length, 2, wrong.join("\n"));
    for (const one of wrong) assert.match(one, /checkout\/site is a link in the checkout/);
    await rm(at("checkout/site"));
    await symlink("old", at("checkout/site"));
    assert.equal(judge(mounts).length, 2, "not to the checkout itself either");
  });

  it("may lie beyond a link of the runner's, on whose other side none is followed", async () => {
    await symlink(folder, at("alias"));
    await symlink(at("home"), at("homes"));
    assert.deepEqual(judge([`${at("alias")}/site:a:ro`, `${at("homes")}/deep:b:ro`]), []);
    await symlink(at("home"), at("checkout/out"));
    assert.match(judge([`${at("alias")}/out:a:ro`]).join(), /checkout\/out is a link/);
  });

  it("begin at a folder that is none in the workspace either", async () => {
    await symlink(at("home"), at("checkout/sub"));
    const judged = (path: string) =>
      wrongFolders(
        [`${path}:work:ro`],
        { folder: path, name: "work", results: at("results") },
        { GITHUB_WORKSPACE: folder },
      );
    assert.match(judged(at("checkout/sub")).join(), /checkout\/sub is a link/);
    assert.deepEqual(judged(at("checkout/site")), [], "the control");
  });

  it("cover nothing that the runner reads, where the session may write them", async () => {
    const environment = {
      RUNNER_TEMP: at("temp"),
      GITHUB_ACTION_PATH: at("action"),
      GITHUB_OUTPUT: at("home/deep/output"),
    };
    for (const [path, what] of [
      [top, /results.*temporary files/s],
      [at("results"), /the step's results/],
      [at("results/audit"), /the step's results/],
      [at("action/cli"), /the action's own files/],
      [at("home"), /a file of the runner's/],
      [join(process.cwd(), "cli"), /cloister's own files/],
    ] as const) {
      assert.match(judge([`${path}:a:rw`], environment).join("\n"), what, path);
      assert.deepEqual(judge([`${path}:a:ro`], environment), [], "the control: what is only read");
    }
    assert.deepEqual(judge([`${at("home")}:a:rw`]), [], "the control: nothing of the runner's is there");
  });
});
