import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const CLOCK = join(import.meta.dirname, "../../../../guest/boot/clock");

/** `clock` by a real shell; date(1) is a script that writes down how it was called, and sleep(1) ends the loop. */
describe("boot: clock", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-clock-"));
    await mkdir(join(folder, "sys/class/rtc/rtc0"), { recursive: true });
    await mkdir(join(folder, "bin"));
    const date = `case "$1" in +%s) echo 1000 ;; *) echo "$*" >> '${folder}/set' ;; esac`;
    await writeFile(join(folder, "bin/date"), `#!/bin/sh\n${date}\n`, { mode: 0o755 });
    await writeFile(join(folder, "bin/sleep"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = async (device: string | undefined) => {
    if (device !== undefined) await writeFile(join(folder, "sys/class/rtc/rtc0/since_epoch"), device);
    const env = { PATH: `${folder}/bin:${process.env["PATH"]}`, CLOISTER_SYS: join(folder, "sys") };
    const { stdout, stderr } = await execa(CLOCK, { env, reject: false, timeout: 10_000 });
    assert.equal(stderr, "");
    return { said: stdout, set: (await readFile(join(folder, "set"), "utf8").catch(() => "")).trim() };
  };

  it("is set to the device's time when it is behind, and says by how much", async () => {
    assert.deepEqual(await run("4600\n"), { said: "the clock was 3600 s behind, and is set", set: "-u -s @4600" });
  });

  it("is left alone when it is nearly right, or ahead", async () => {
    for (const device of ["1004\n", "1000\n", "10\n"]) assert.deepEqual(await run(device), { said: "", set: "" });
  });

  it("is left alone where there is no device, or one that tells nonsense", async () => {
    for (const device of [undefined, "", "soon\n", "-1\n"]) assert.deepEqual(await run(device), { said: "", set: "" });
  });
});
