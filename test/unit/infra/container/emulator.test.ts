import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emulatorsOf, ensureRunnable } from "../../../../infra/container/emulator.ts";
import { importWords } from "../../../../infra/container/image.ts";

/** As the kernel lists what Debian's qemu-user-static registers (binfmt.d(5)). */
const AARCH64 = {
  magic: "7f454c460201010000000000000000000200b700",
  mask: "ffffffffffffff00fffffffffffffffffeffffff",
};
const entry = (flags: string, { magic, mask } = AARCH64) =>
  `enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ${mask}\n`;
const ARM32 = { magic: "7f454c4601010100000000000000000002002800", mask: "ffffffffffffff00fffffffffffffffffeffffff" };

describe("programs for another architecture", () => {
  it("run by an emulator that the kernel knows and has opened", () => {
    const entries = {
      other: entry("POCF", ARM32),
      jar: "enabled\ninterpreter /usr/bin/jexec\nflags: \noffset 0\nmagic 504b0304\n",
      suffix: "enabled\ninterpreter /x\nflags: \nextension .py\n",
      off: entry("F").replace("enabled", "disabled"),
      open: entry("POCF"),
      closed: entry("OC"),
    };
    assert.deepEqual(emulatorsOf("arm64", entries), [
      { name: "open", fixed: true },
      { name: "closed", fixed: false },
    ]);
    assert.deepEqual(emulatorsOf("amd64", entries), []);
  });

  describe("are looked for before anything is built", () => {
    let folder: string;
    const said: string[] = [];
    const places = () => ({
      registered: join(folder, "kernel"),
      described: join(folder, "known"),
      path: join(folder, "bin"),
    });
    const ask = (arch: "amd64" | "arm64" = "arm64") =>
      ensureRunnable(arch, (line) => said.push(line), { own: "amd64", places: places() });

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-emulator-"));
      said.length = 0;
      for (const name of ["kernel", "known", "bin"]) await mkdir(join(folder, name));
      await writeFile(join(folder, "kernel/register"), "");
      await writeFile(join(folder, "bin/arch-test"), "#!/bin/sh\n", { mode: 0o755 });
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it("with all that is missing, and how to have it, in one sentence", async () => {
      await rm(join(folder, "bin/arch-test"));
      await assert.rejects(ask(), (error: Error) => {
        assert.match(error.message, /qemu-aarch64 is not installed; arch-test is not on PATH/);
        assert.match(error.message, /apt-get install qemu-user-static binfmt-support arch-test/);
        assert.match(error.message, /update-binfmts --enable qemu-aarch64/);
        return true;
      });
      await writeFile(join(folder, "kernel/mine"), entry("OC"));
      await assert.rejects(ask(), /mine lacks the flag F/);
    });

    it("and arch-test is asked for only where a base may be made from packages", async () => {
      await rm(join(folder, "bin/arch-test"));
      await writeFile(join(folder, "kernel/qemu-aarch64"), entry("OCF"));
      const named = { own: "amd64", places: places(), packages: false } as const;
      await ensureRunnable("arm64", (line) => said.push(line), named);
      await assert.rejects(ask(), /arch-test is not on PATH/, "the control");
      await rm(join(folder, "kernel/qemu-aarch64"));
      await assert.rejects(
        ensureRunnable("arm64", () => {}, named),
        (error: Error) => !error.message.includes("arch-test"),
      );
    });

    it("and are none for this computer's own", () => ask("amd64"));

    it("and are there: the control", async () => {
      await writeFile(join(folder, "kernel/qemu-aarch64"), entry("OCF"));
      await ask();
      assert.deepEqual(said, []);
    });

    it("and are registered where that is all that is missing, with the flag that containers need", async () => {
      const line = ":qemu-aarch64:M::\\x7fELF:\\xff:/usr/bin/qemu:OPF";
      await writeFile(join(folder, "known/qemu-aarch64.conf"), `# of a package\n${line}\n`);
      // A kernel would list it now. This one is a folder.
      await assert.rejects(ask(), /qemu-aarch64 lacks the flag F/);
      assert.equal(await readFile(join(folder, "kernel/register"), "utf8"), line);
      if (process.getuid?.() === 0) return;
      await chmod(join(folder, "kernel/register"), 0o400);
      await assert.rejects(ask(), /the kernel does not know qemu-aarch64/);
    });
  });

  it("come into an engine's image by the option that each engine has", () => {
    const files = ["base.tar", "name"] as const;
    assert.deepEqual(importWords({ program: "podman" }, "arm64", files, "amd64"), ["import", "--arch=arm64", ...files]);
    assert.deepEqual(importWords({ program: "docker" }, "arm64", files, "amd64"), [
      "import",
      "--platform=linux/arm64",
      ...files,
    ]);
    assert.deepEqual(importWords({ program: "docker" }, "arm64", files, "arm64"), ["import", ...files]);
  });
});
