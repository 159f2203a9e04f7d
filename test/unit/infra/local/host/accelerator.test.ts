import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseAccelerator, sentenceOf, tryOut } from "../../../../../infra/local/host/accelerator.ts";
import { featuresOf } from "../../../../../infra/local/host/features.ts";
import { hostArchitecture } from "../../../../../infra/local/qemu.ts";

const firmware = { code: "/fw/code.fd", variables: "/fw/vars.fd" };

/** A QEMU that refuses what macOS's refuses, in its words, and serves its control socket otherwise. */
const MACOS = `#!/usr/bin/env node
const args = process.argv.slice(2);
const fail = (text) => { console.error("qemu-system-x86_64: " + text); process.exit(1); };
const after = (name) => args[args.indexOf(name) + 1];
if (args.includes("-sandbox") && LACKS) fail("-sandbox on: There is no option group 'sandbox'");
if (args.includes("-version")) process.exit(0);
if (/process=/.test(after("-name")) && LACKS) fail("Change of process name not supported by your OS");
if (after("-accel") === "kvm") fail("Assertion failed: (ret == 0), function kvm_arch_put, file kvm.c, line 1234.");
require("node:net").createServer((client) => {
  client.write('{"QMP": {}}\\n');
  client.on("error", () => {});
  client.on("data", () => client.write('{"return": {"status": "running"}}\\n'));
}).listen(/unix:([^,]*)/.exec(after("-qmp"))[1]);
`;

describe("what QEMU here can do", function () {
  this.timeout(20_000);
  let folder: string;
  const qemu = async (lacks: boolean): Promise<string> => {
    const path = join(folder, `qemu-${lacks}`);
    await writeFile(path, MACOS.replaceAll("LACKS", String(lacks)));
    await chmod(path, 0o755);
    return path;
  };
  const architecture = hostArchitecture();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-qemu-"));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("is asked of it: one without a sandbox is tried, and started, without", async () => {
    const program = await qemu(true);
    const features = await featuresOf(program, "darwin");
    assert.deepEqual(features, { sandbox: false, processName: false });
    assert.equal(await tryOut({ program, accelerator: "tcg", architecture, firmware, features }), undefined);
    // The control: with them it does not start.
    const all = { sandbox: true, processName: true };
    assert.match(
      (await tryOut({ program, accelerator: "tcg", architecture, firmware, features: all }))?.why ?? "",
      /sandbox/,
    );
    const named = { sandbox: false, processName: true };
    assert.match(
      (await tryOut({ program, accelerator: "tcg", architecture, firmware, features: named }))?.why ?? "",
      /QEMU says: Change of process name not supported by your OS$/,
    );
  });

  it("is all of it on Linux", async () => {
    assert.deepEqual(await featuresOf(await qemu(false), "linux"), { sandbox: true, processName: true });
  });

  it("is told in a sentence, with what QEMU said apart from it", async () => {
    const program = await qemu(true);
    const features = { sandbox: false, processName: false };
    const refusal = await tryOut({ program, accelerator: "kvm", architecture, firmware, features });
    assert.equal(refusal?.why, "kvm failed a trial: QEMU stopped on an assertion of its own");
    assert.match(refusal?.said ?? "", /kvm_arch_put/);
    const choice = await chooseAccelerator("auto", architecture, firmware, async () => refusal);
    assert.equal(
      choice.why,
      "emulation (TCG), which is slow: kvm failed a trial: QEMU stopped on an assertion of its own",
    );
    await assert.rejects(
      chooseAccelerator(process.platform === "darwin" ? "hvf" : "kvm", architecture, firmware, async () => refusal),
      /which does not work here: kvm failed a trial: QEMU stopped on an assertion/,
    );
  });

  it("is QEMU's last word that is no warning", () => {
    const access = "Could not access KVM kernel module: Permission denied";
    const failed = "qemu-system-x86_64: failed to initialize kvm: Permission denied";
    assert.equal(sentenceOf(`${access}\n${failed}\n`), "QEMU says: failed to initialize kvm: Permission denied");
    assert.equal(
      sentenceOf("qemu-system-x86_64: -m 1: No such thing. Try another.\n"),
      "QEMU says: -m 1: No such thing",
    );
    assert.equal(sentenceOf("/opt/bin/qemu-system-aarch64: warning: odd\n"), "QEMU ended without a word");
    assert.equal(
      sentenceOf("ERROR:../target/arm/hvf.c:1: assertion failed: (ret)\nBail out! ERROR"),
      "QEMU stopped on an assertion of its own",
    );
  });
});
