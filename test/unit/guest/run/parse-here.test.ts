import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHere } from "../../../../guest/cli/parse.ts";
import type { RunOptions } from "../../../../guest/run/options.ts";
import { RunRefused } from "../../../../guest/sessions/request.ts";

describe("a command line on the machine", () => {
  let base: string;
  before(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), "cloister-parse-")));
    await mkdir(join(base, "real"));
    await symlink("/root", join(base, "link"));
  });
  after(async () => await rm(base, { recursive: true }));

  const problems = async (mount: string[], more: Partial<RunOptions> = {}) =>
    await parseHere(["true"], { mount, allow: [], env: [], json: false, ...more } as RunOptions, {}, []).then(
      () => [],
      (error: unknown) => {
        assert.ok(error instanceof RunRefused);
        return error.problems.map(({ subject, message }) => `${subject}: ${message}`);
      },
    );

  it("is refused with the folders' problems beside those of the text, each once", async () => {
    const mounts = [`${base}/link:a:ro`, `${base}/none:b:ro`, `${base}/real:c:no-mode`, `${base}/real:d:ro`];
    const found = (await problems(mounts, { timeout: "soon" })).join("\n");
    assert.equal(found.split("\n").length, 4, found);
    assert.match(found, /^timeout: /m);
    assert.match(found, /^mounts: .*it leads to \/root/m);
    assert.match(found, /^mounts: there is no such folder/m);
    assert.match(found, /^mounts: .*rwd/m);
  });

  it("looks at no folder where the text is right: the run itself does, once", async () => {
    assert.deepEqual(await problems([`${base}/link:a:ro`]), []);
  });
});
