import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ensureDebs } from "../../images/runtime/ubuntu/debs.ts";
import type { DebsRelease } from "../../images/runtime/ubuntu/releases.ts";
import { Store } from "../../lib/store.ts";

const PROFILE = join(import.meta.dirname, "../../guest/boot/launcher.apparmor");

/**
 * The launcher's profile, read by the AppArmor of Ubuntu's own packages, which are unpacked and not installed. No kernel is told
 * of it: that is for a machine of Ubuntu 24.04.
 */
describe("the launcher's AppArmor profile", function () {
  this.timeout(300_000);
  let folder: string;

  before(async function () {
    if (process.arch !== "x64" || (await execa("apt-get", ["--version"], { reject: false })).failed) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-apparmor-"));
  });
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** The parser of a release: a command that reads a profile and hands it to no kernel. */
  async function parserOf(release: DebsRelease): Promise<(profile: string, ...options: string[]) => Promise<Parsed>> {
    const root = join(folder, release);
    const debs = await ensureDebs(new Store(), "amd64", () => {}, process.env, release, ["apparmor"]);
    for (const name of await readdir(debs.folder))
      if (name.endsWith(".deb")) await execa("dpkg-deb", ["--extract", join(debs.folder, name), root]);
    // Ubuntu 22.04 has its parser in /sbin, which is one folder with /usr/sbin only once it is installed.
    const found = await execa("find", [
      root,
      "(",
      "-name",
      "apparmor_parser",
      "-o",
      "-name",
      "ld-linux-x86-64.so.2",
      ")",
      "-type",
      "f,l",
    ]);
    const path = (name: string) =>
      found.stdout.split("\n").find((file) => file.endsWith(`/${name}`)) ?? assert.fail(`${release} has no ${name}`);
    const libraries = ["lib", "usr/lib"].map((name) => join(root, name, "x86_64-linux-gnu")).join(":");
    return async (profile, ...options) => {
      const flags = ["--base", join(root, "etc/apparmor.d"), "--skip-kernel-load", "--skip-cache", ...options];
      return await execa(
        path("ld-linux-x86-64.so.2"),
        ["--library-path", libraries, path("apparmor_parser"), ...flags, profile],
        { reject: false, all: true },
      );
    };
  }
  interface Parsed {
    readonly exitCode?: number;
    readonly all: string;
    readonly stdout: string;
  }

  it("is taken by Ubuntu 24.04's parser, as a profile of that name", async () => {
    const parse = await parserOf("ubuntu-24.04");
    assert.match((await parse(PROFILE, "--version")).stdout, /^AppArmor parser version 4\./);
    const taken = await parse(PROFILE);
    assert.equal(taken.exitCode, 0, taken.all);
    const { stdout } = await parse(PROFILE, "--names");
    assert.equal(stdout.trim(), "cloister-launcher");
    const wrong = join(folder, "wrong");
    await writeFile(wrong, (await readFile(PROFILE, "utf8")).replace("userns,", "no_such,"));
    assert.notEqual((await parse(wrong)).exitCode, 0, "the control: another rule is refused");
  });

  it("is none for Ubuntu 22.04's parser, so the boot loads it where the kernel restricts namespaces alone", async () => {
    const parse = await parserOf("ubuntu-22.04");
    assert.match((await parse(PROFILE, "--version")).stdout, /^AppArmor parser version 3\./);
    const refused = await parse(PROFILE);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.all, /abi\/4\.0|userns|syntax error/);
  });
});
