import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { requireSandbox } from "../support/sandbox.ts";

const SETTLE = new URL("../../guest/cli/settle.ts", import.meta.url).href;

/** How many names are looked up: two at a time, and each is given up after ten seconds. */
const NAMES = 8;

/** A name server that never answers, in a network of its own with nothing else in it. */
describe("a command whose session looks up names that nobody answers for", function () {
  this.timeout(240_000);
  let folder: string;

  before(async () => {
    await requireSandbox();
    folder = await mkdtemp(join(tmpdir(), "cloister-lookups-"));
    await writeFile(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
    // The answer comes from a name server, whatever this computer asks first.
    await writeFile(join(folder, "nsswitch.conf"), "hosts: dns\n");
  });
  after(() => rm(folder, { recursive: true }));

  /** How a command ended, and how long after its own end, in seconds. */
  async function ended(end: string) {
    const program = `
      import { createSocket } from "node:dgram";
      import { lookup } from "node:dns";
      import { settle } from ${JSON.stringify(SETTLE)};
      const server = createSocket("udp4");
      await new Promise((resolve) => server.bind(53, "127.0.0.1", resolve));
      server.unref();
      for (let i = 0; i < ${NAMES}; i++) lookup("name" + i + ".slow.example", () => {});
      const command = (async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.exitCode = 7;
        console.log("x".repeat(100_000) + Date.now());
      })();
      ${end}`;
    const bubblewrap = [
      ...["--dev-bind", "/", "/", "--unshare-user", "--uid", "0", "--gid", "0", "--unshare-net"],
      ...["--cap-add", "CAP_NET_BIND_SERVICE"],
      ...["resolv.conf", "nsswitch.conf"].flatMap((name) => ["--ro-bind", join(folder, name), `/etc/${name}`]),
    ];
    const node = [process.execPath, ...process.execArgv, "--input-type=module", "-e", program];
    const { exitCode, stdout, stderr } = await execa("bwrap", [...bubblewrap, ...node], { reject: false });
    const told = /^x{100000}(\d+)$/.exec(stdout)?.[1];
    assert.ok(told !== undefined, stderr || stdout.slice(-100));
    return { exitCode, seconds: (Date.now() - Number(told)) / 1000 };
  }

  it("ends when those are given up that are asked for now, with its code and all that it has said", async () => {
    const [settled, control] = await Promise.all([ended("settle(command);"), ended("await command;")]);
    assert.equal(settled.exitCode, 7);
    assert.equal(control.exitCode, 7);
    assert.ok(settled.seconds < control.seconds / 2, `${settled.seconds} s, without it ${control.seconds} s`);
  });
});
