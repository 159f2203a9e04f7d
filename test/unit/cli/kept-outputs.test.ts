import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { keptOutputs } from "../../../cli/kept-outputs.ts";
import { ownStateFile } from "../../../toolchain/own-backend.ts";

describe("a stack's outputs", () => {
  let project: string;
  let asked: number;
  const ask = async () => ({ asked: ++asked });
  const read = (stack: string) => keptOutputs(stack, ask, { project, cache: join(project, "cache") });

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "cloister-outputs-"));
    asked = 0;
    await mkdir(dirname(ownStateFile("local", project)), { recursive: true });
    await writeFile(ownStateFile("local", project), "one");
  });
  afterEach(() => rm(project, { recursive: true, force: true }));

  it("are kept until the state changes", async () => {
    assert.deepEqual(await read("local"), { asked: 1 });
    assert.deepEqual(await read("local"), { asked: 1 });
    await writeFile(ownStateFile("local", project), "two");
    assert.deepEqual(await read("local"), { asked: 2 });
    await rm(ownStateFile("local", project));
    assert.deepEqual(await read("local"), { asked: 3 }, "a stack that is gone is Pulumi's to tell");
  });

  it("are asked for each time where the state is elsewhere", async () => {
    await read("staging");
    assert.deepEqual(await read("staging"), { asked: 2 });
  });

  it("are not kept when the state changed while they were asked for", async () => {
    const racing = async () => {
      await writeFile(ownStateFile("local", project), `changed ${asked}`);
      return await ask();
    };
    await keptOutputs("local", racing, { project, cache: join(project, "cache") });
    assert.deepEqual(await read("local"), { asked: 2 });
  });
});
