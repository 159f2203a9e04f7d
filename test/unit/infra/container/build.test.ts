import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage } from "../../../../infra/container/build.ts";
import type { Engine } from "../../../../infra/container/engine.ts";

/** Programs of the names podman and docker that write down how they are called stand in for the engines. */
describe("building an image", () => {
  const path = process.env["PATH"];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-build-test-"));
    process.env["PATH"] = `${folder}:${path}`;
    process.env["TMPDIR"] = folder;
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    delete process.env["TMPDIR"];
    await rm(folder, { recursive: true, force: true });
  });

  const program = async (name: string, text: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\necho "$*" >>${folder}/calls\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  };
  const host = (name: "podman" | "docker"): Engine => ({
    program: name,
    rootless: false,
    cgroups: 2,
    apparmor: false,
    version: "1",
    env: {},
    notes: [],
  });
  const spec = { name: "n", base: "localhost/cloister-base:0", arch: "amd64" } as const;
  const context = { path: "/context", key: "", version: "1" };
  const calls = async () => (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");

  it("leaves no file and no container of podman's, and none of another's goes", async () => {
    await program(
      "podman",
      `case $1 in
        build) touch ${folder}/built "$TMPDIR/left"; exit 1 ;;
        ps) echo other-working-container; [ ! -e ${folder}/built ] || printf 'theirs-working-container\\ncloister-base-working-container-1\\n' ;;
      esac`,
    );
    assert.equal(await buildImage(host("podman"), { ...spec, context }), "");
    assert.match((await calls()).join("\n"), /^build .*--layers=false --force-rm/m);
    assert.equal((await calls()).at(-1), "rm --force cloister-base-working-container-1");
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith("cloister-build-")),
      [],
    );
  });

  it("removes the stages that docker's old builder keeps, by a mark that only this build has", async () => {
    await program("docker", 'case "$1 $2" in "image ls") echo a1; echo b2 ;; esac');
    assert.equal(await buildImage(host("docker"), { ...spec, context }), undefined);
    const [built = "", listed = "", removed] = await calls();
    const mark = /--build-arg STAGE=(\S+)/.exec(built)?.[1] ?? assert.fail(built);
    assert.ok(listed.includes(`--filter=label=cloister.stage=${mark}`) && listed.includes("--filter=dangling=true"));
    assert.equal(removed, "rmi a1 b2");
  });
});
