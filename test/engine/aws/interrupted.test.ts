import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

/** Processes whose temporary files are in a folder. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const text = async (file: string) => await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if ((await text("environ")).split("\0").includes(`TMPDIR=${folder}`))
      found.push((await text("cmdline")).replaceAll("\0", " "));
  }
  return found.filter(Boolean);
}

describe("npm run rehearse", function () {
  this.timeout(240_000);
  this.slow(60_000);
  let folder: string;
  before(async function () {
    if (process.platform !== "linux") this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-interrupted-"));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  for (const [what, to] of [
    ["a Ctrl-C, which reaches all of its group", (pid: number) => process.kill(-pid, "SIGINT")],
    ["SIGTERM to npm alone", (pid: number) => process.kill(pid, "SIGTERM")],
  ] as const)
    it(`ends soon at ${what}, begins no other stack, and leaves no process and no folder`, async () => {
      const npm = execa("npm", ["run", "-s", "rehearse", "--", "--stack", "dev", "staging"], {
        env: { TMPDIR: folder },
        all: true,
        reject: false,
        detached: true,
        stdin: "ignore",
      });
      const moto = (list: readonly string[]) => list.some((line) => line.includes("moto.server"));
      const pulumi = (list: readonly string[]) => list.some((line) => /\/pulumi up /.test(line));
      for (let list = await processesOf(folder); !moto(list) || !pulumi(list); list = await processesOf(folder)) {
        assert.equal(npm.exitCode, null, "it ended before it was told to");
        await sleep(200);
      }
      const began = performance.now();
      to(npm.pid ?? assert.fail("npm did not start"));
      const { exitCode, all } = await npm;
      assert.equal(exitCode, 130, all);
      assert.ok(performance.now() - began < 60_000, "it took longer than a minute");
      assert.match(all, /^dev: stopped by SIG(INT|TERM), and nothing is left of it$/m);
      assert.doesNotMatch(all, /=== staging/);
      // Plugins end when they see that their engine has.
      for (let tries = 0; tries < 100 && (await processesOf(folder)).length > 0; tries++) await sleep(200);
      assert.deepEqual(await processesOf(folder), []);
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith("cloister-")),
        [],
      );
    });
});
