import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { thisHost } from "../../../lib/system/index.ts";
import { cloudInitSchema } from "../../support/cloud-init.ts";

describe("cloud-init's schema", function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-cloud-init-"));
    await writeFile(join(folder, "good"), "#cloud-config\nhostname: claude\n");
    await writeFile(join(folder, "bad"), "#cloud-config\nhostname: [claude]\n");
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  async function tells(command: readonly string[], file: string): Promise<{ ok: boolean; text: string }> {
    const [program = "", ...args] = command;
    const { exitCode, all } = await execa(program, [...args, join(folder, file)], { all: true, reject: false });
    return { ok: exitCode === 0, text: all };
  }

  it("is that of an installed cloud-init", async function () {
    if (!thisHost().hasCommand("cloud-init")) this.skip();
    const { command } = await cloudInitSchema();
    assert.equal((await tells(command, "good")).ok, true);
    assert.equal((await tells(command, "bad")).ok, false);
  });

  it("is had without installing cloud-init", async function () {
    const here = thisHost();
    if (!here.hasCommand("apt-get") || !here.isRoot) this.skip();
    const host = { ...here, hasCommand: (name: string) => name !== "cloud-init" && here.hasCommand(name) };
    const { command } = await cloudInitSchema({ host });
    const good = await tells(command, "good");
    assert.equal(good.ok, true, good.text);
    const bad = await tells(command, "bad");
    assert.equal(bad.ok, false);
    assert.match(bad.text, /hostname: \['claude'\] is not of type 'string'/);
  });

  it("is refused where there are no packages", async () => {
    const host = { ...thisHost(), hasCommand: () => false, distributions: ["fedora"] };
    await assert.rejects(cloudInitSchema({ host }), /missing on this computer: cloud-init/);
  });
});
