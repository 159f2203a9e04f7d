import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOSTILE_LIMIT, readHostile } from "../../../../guest/sessions/hostile.ts";

describe("a file that a session may have written", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-hostile-"));
    await writeFile(join(folder, "canary"), "canary");
  });
  after(() => rm(folder, { recursive: true }));

  it("is read when it is an ordinary one", async () => {
    assert.equal(await readHostile(join(folder, "canary")), "canary");
  });

  it("is not read when it is a link, a pipe, a folder, a device or not there: and nobody waits", async () => {
    await symlink(join(folder, "canary"), join(folder, "link"));
    await symlink("/dev/zero", join(folder, "zero"));
    await mkdir(join(folder, "folder"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    for (const path of [...["link", "zero", "folder", "pipe", "none"].map((name) => join(folder, name)), "/dev/zero"])
      assert.equal(await readHostile(path), undefined, path);
  });

  it("is read up to a limit, however large it says it is", async () => {
    await writeFile(join(folder, "large"), "x");
    await truncate(join(folder, "large"), 2 ** 40);
    assert.equal((await readHostile(join(folder, "large")))?.length, HOSTILE_LIMIT);
  });
});

/**
 * Nothing with more rights than a session resolves a path that the session can change. What walks by path in a session's home or folders
 * is found here by its words; each line that may is named, with the reason.
 */
describe("the guest's code", () => {
  const GUEST = join(import.meta.dirname, "../../../../guest");
  const CALLS =
    "access|chmod|chown|copyFile|cp|lchown|link|lstat|lutimes|mkdir|mkdtemp|open|opendir|readFile|readdir|readlink|realpath|rename|rm|" +
    "rmdir|stat|symlink|truncate|unlink|utimes|writeFile|writeFileAtomic";
  const SESSIONS = /\b(home|HOMES|MOUNTS|FOLDERS|mnt|source)\b/;
  const MAY: readonly { readonly line: RegExp; readonly why: string }[] = [
    {
      line: /readdir\(HOMES\)|readdir\(HOMES\)\.catch/,
      why: "/sessions itself is root's: names, nothing of theirs is opened",
    },
    {
      line: /l?stat\((`\$\{HOMES\}\/\$\{name\}`|home|paths\.home)/,
      why: "the home itself: its name is in a folder of root's",
    },
    {
      line: /cp\("\/etc\/skel", home, /,
      why: "a container's new home (guest/container/session.ts): no session that runs has /sessions in its view",
    },
    { line: /await realpath\(source\)/, why: "the device that a file system is on (guest/verify/look/disks.ts)" },
    {
      line: /(mkdir|cp|chmod|chown)\((home|SKELETON), /,
      why: "the home itself; a new one is root's alone until it is complete",
    },
  ];

  it("walks by path nowhere that a session can change", async () => {
    const found: string[] = [];
    for (const entry of await readdir(GUEST, { recursive: true })) {
      if (!entry.endsWith(".ts")) continue;
      const text = await readFile(join(GUEST, entry), "utf8");
      for (const line of text.split("\n")) {
        const call = new RegExp(`\\b(?:${CALLS})\\(([^;]*)`).exec(line);
        if (call === null || !SESSIONS.test(call[1] ?? "") || /^\s*(\*|\/\/|function|export|async function)/.test(line))
          continue;
        if (!MAY.some(({ line: may }) => may.test(line))) found.push(`${entry}: ${line.trim()}`);
      }
    }
    assert.deepEqual(found, []);
  });
});
