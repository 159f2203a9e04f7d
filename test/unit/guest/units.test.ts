import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const UNITS = join(import.meta.dirname, "../../../guest/units");

describe("units of services that may write to /run/cloister", () => {
  it("cannot write where root's programs take compiled code from", async () => {
    const found: string[] = [];
    for (const name of await readdir(UNITS)) {
      const text = await readFile(join(UNITS, name), "utf8");
      assert.doesNotMatch(text, /NODE_COMPILE_CACHE/, name);
      if (!/^ReadWritePaths=.*\/run\/cloister(?: |$)/m.test(text)) continue;
      found.push(name);
      assert.match(text, /^ReadOnlyPaths=-\/run\/cloister\/code$/m, name);
    }
    assert.deepEqual(found.sort(), ["cloister-aws.service", "cloister-keeper.service", "cloister-logs.service"]);
  });

  it("cannot write in /etc what other programs of root's obey", async () => {
    const obeyed = ["cloister", "cron.d", "pam.d", "ssh", "sudoers.d", "systemd"].map((name) => `/etc/${name}`);
    const writing: string[] = [];
    for (const name of await readdir(UNITS)) {
      const text = await readFile(join(UNITS, name), "utf8");
      if (!/^ReadWritePaths=.*\/etc(?: |$)/m.test(text)) continue;
      writing.push(name);
      const closed = [...text.matchAll(/^ReadOnlyPaths=(.*)$/gm)].flatMap(([, paths = ""]) => paths.split(" "));
      for (const path of obeyed) assert.ok(closed.includes(`-${path}`), `${name}: ${path}`);
    }
    assert.deepEqual(writing, ["cloister-keeper.service"], "control: it writes accounts");
  });
});
