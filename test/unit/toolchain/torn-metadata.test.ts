import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeTornMetadata } from "../../../toolchain/torn-metadata.ts";

describe("metadata of a file backend", () => {
  it("is removed where it is half-written, and said; all else stays", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-metadata-"));
    const stacks = join(folder, ".pulumi", "stacks", "cloister");
    await mkdir(stacks, { recursive: true });
    const files = { "a.json": "", "a.json.attrs": "", "b.json.attrs": '{"user.content_ty', "c.json.attrs": "{}\n" };
    for (const [name, text] of Object.entries(files)) await writeFile(join(stacks, name), text);
    const said: string[] = [];
    await removeTornMetadata(`file://${folder}?metadata=skip`, (line) => said.push(line));
    assert.deepEqual((await readdir(stacks)).sort(), ["a.json", "c.json.attrs"]);
    assert.equal(said.length, 2);
    await removeTornMetadata("s3://bucket", assert.fail);
    await removeTornMetadata(`file://${folder}/nowhere`, assert.fail);
    await rm(folder, { recursive: true });
  });
});
