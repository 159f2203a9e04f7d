import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BASE, defaultBase } from "../../../../infra/container/image.ts";
import { PODMAN } from "../../../support/podman-host.ts";

/** A program of the name podman that keeps a file for each image's name stands in for the engine. */
describe("the default base of an image", () => {
  const path = process.env["PATH"];
  let folder: string;
  const host = PODMAN;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-image-test-"));
    process.env["PATH"] = `${folder}:${path}`;
    await mkdir(join(folder, "images"));
    const script = `#!/bin/sh
cd ${folder}/images
of() { printf %s "$1" | tr / _; }
case $1 in
  image) for last; do :; done; cat "$(of "$last")" ;;
  pull) echo pull >>../pulls; [ ! -e ../offline ] || { echo offline >&2; exit 1; }
    arch=\${2#--platform=linux/}; echo "$arch id-$arch" >"$(of "$3")" ;;
  tag) if [ -e "$(of "$2")" ]; then cp "$(of "$2")" "$(of "$3")"; else echo "\${2#id-} $2" >"$(of "$3")"; fi ;;
  rmi) rm "$(of "$2")" ;;
esac
`;
    await writeFile(join(folder, "podman"), script, { mode: 0o755 });
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  });

  const has = (name: string) => readFile(join(folder, "images", name.replaceAll("/", "_")), "utf8").catch(() => "");
  const pulls = async () => (await readFile(join(folder, "pulls"), "utf8").catch(() => "")).split("\n").length - 1;
  const ask = (arch: "amd64" | "arm64") => defaultBase(host, arch, () => {}, "amd64");

  it("of another architecture has a name of its own, and this computer's keeps its own", async () => {
    assert.deepEqual(await ask("amd64"), { name: DEFAULT_BASE });
    const foreign = { name: "localhost/cloister-default-base:arm64" };
    assert.deepEqual(await ask("arm64"), foreign);
    assert.equal(await has(foreign.name), "arm64 id-arm64\n");
    assert.equal(await has(DEFAULT_BASE), "amd64 id-amd64\n");
    await writeFile(join(folder, "offline"), "");
    assert.deepEqual([await ask("amd64"), await ask("arm64")], [{ name: DEFAULT_BASE }, foreign]);
    assert.equal(await pulls(), 2, "nothing is pulled again");
  });

  it("of another architecture leaves no image under the name of this computer's", async () => {
    await ask("arm64");
    assert.equal(await has(DEFAULT_BASE), "");
    await writeFile(join(folder, "offline"), "");
    assert.deepEqual(await ask("amd64"), { why: "offline" }, "the control");
  });
});
