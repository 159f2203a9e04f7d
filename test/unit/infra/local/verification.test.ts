import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathsIn } from "../../../../infra/local/paths.ts";
import { fetchReport } from "../../../../infra/local/steps/verification.ts";

describe("the report that is fetched from a machine", () => {
  const { PATH } = process.env;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-fetch-"));
    process.env.PATH = `${folder}${delimiter}${PATH}`;
  });
  afterEach(async () => {
    process.env.PATH = PATH;
    await rm(folder, { recursive: true });
  });

  /** Characters of what comes of a machine that answers so: in place of ssh there is this script. */
  async function fetched(script: string): Promise<number | undefined> {
    await writeFile(join(folder, "ssh"), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, "ssh"), 0o755);
    return (await fetchReport(pathsIn(folder), 22, AbortSignal.timeout(20_000)))?.length;
  }

  it("is no larger than a report, whatever the machine answers", async () => {
    assert.equal(await fetched("head -c 1000000 /dev/zero | tr '\\0' x"), 1_000_000, "the control");
    assert.equal(await fetched("head -c 2000000 /dev/zero | tr '\\0' x"), undefined);
    assert.equal(await fetched("exec yes"), undefined);
  });
});
