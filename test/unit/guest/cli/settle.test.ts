import assert from "node:assert/strict";
import { join } from "node:path";
import { execa } from "execa";

const SETTLE = join(import.meta.dirname, "../../../../guest/cli/settle.ts");

describe("a command of the machine that has ended", function () {
  this.timeout(60_000);
  const exitCode = async (body: string) => {
    const program = `import { settle } from ${JSON.stringify(SETTLE)}; settle((async () => { ${body} })());`;
    const { exitCode, stderr } = await execa(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", program],
      { reject: false },
    );
    return { exitCode, stderr };
  };

  it("has its own exit code, that of its failure, or 13 when it waits for what never comes", async () => {
    const ended = exitCode("");
    const own = exitCode("process.exitCode = 7;");
    const failed = exitCode('throw new Error("no disk");');
    const waits = exitCode("await new Promise(() => {});");
    const waitsWithCode = exitCode("process.exitCode = 7; await new Promise(() => {});");
    assert.deepEqual(await ended, { exitCode: 0, stderr: "" });
    assert.deepEqual(await own, { exitCode: 7, stderr: "" });
    assert.equal((await failed).exitCode, 125);
    assert.match((await failed).stderr, /^cloister: Error: no disk/);
    assert.equal((await waits).exitCode, 13);
    assert.equal((await waitsWithCode).exitCode, 7);
  });
});
