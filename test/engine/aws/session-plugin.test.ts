import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { ssmTransport } from "../../../cli/aws/ssm.ts";
import { capture } from "../../../cli/capture.ts";
import { copyFrom, copyTo } from "../../../cli/copy.ts";
import type { Transport } from "../../../cli/transport.ts";
import { shellQuoted } from "../../../infra/local/ssh.ts";
import { runBytes, standInPrograms } from "../../support/operator/here.ts";
import { ensureRealPlugin, type Gateway, startGateway } from "../../support/operator/real-plugin.ts";
import { type SsmStandIn, startSsm } from "../../support/operator/ssm-stand-in.ts";

const INSTANCE = "i-0123456789abcdef0";

/** The operator's command through AWS's SDK and AWS's own plugin, to a stand-in of the gateway and the agent. */
describe("AWS's own session plugin", function () {
  this.timeout(400_000);
  this.slow(60_000);
  const before_ = { ...process.env };
  let ssm: SsmStandIn;
  let gateway: Gateway;
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  let transport: Transport;

  before(async function () {
    const plugin = await ensureRealPlugin();
    // Without Go it cannot be built; a stand-in of it is in operator.test.ts.
    if (!plugin) this.skip();
    programs = await standInPrograms();
    const PATH = [plugin, programs.env["PATH"]].join(delimiter);
    gateway = await startGateway(plugin, { ...process.env, PATH });
    ssm = await startSsm(gateway.streamUrl);
    ssm.online.add(INSTANCE);
    Object.assign(process.env, {
      PATH,
      AWS_ENDPOINT_URL_SSM: ssm.endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    });
    delete process.env["AWS_PROFILE"];
    transport = ssmTransport("one", INSTANCE, "eu-central-1");
  });
  after(async () => {
    process.env = before_;
    await Promise.all([ssm?.stop(), gateway?.stop(), programs?.remove()]);
  });

  it("carries words, both outputs and the exit code", async () => {
    const words = ["two words", "it's $(id)", "-x", "~.", "new\nline", "Grüße 世界", ""];
    const script = 'printf "%s\\0" "$@"; echo err >&2; exit 7';
    const { exitCode, stdout, stderr } = await capture(transport, ["sh", "-c", script, "sh", ...words]);
    assert.equal(exitCode, 7);
    assert.deepEqual(stdout.split("\0").slice(0, -1), words);
    assert.equal(stderr, "err\n");
  });

  it("carries bytes that are no text, more than any window, in both directions", async () => {
    const data = randomBytes(1_000_000);
    const startedAt = Date.now();
    const { exitCode, stdout } = await runBytes(transport, ["cat"], data);
    console.log(`      1 MB there and back in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    assert.equal(exitCode, 0);
    assert.equal(createHash("sha256").update(stdout).digest("hex"), createHash("sha256").update(data).digest("hex"));
  });

  it("hands the terminal to a shell", async function () {
    // script(1) of util-linux makes a terminal; other systems' takes other options.
    if (process.platform !== "linux") this.skip();
    const opener = fileURLToPath(new URL("../../support/operator/shell.ts", import.meta.url));
    const shell = execa("script", ["-qec", `node --import tsx ${shellQuoted(opener)} ${INSTANCE}`, "/dev/null"], {
      reject: false,
    });
    let seen = "";
    shell.stdout.on("data", (text: Buffer) => {
      seen += text.toString();
    });
    for (let i = 0; i < 600 && !/[$#] $/.test(seen); i++) await sleep(100);
    shell.stdin.write('test -t 0 && echo "a termi""nal"; exit\n');
    assert.equal((await shell).exitCode, 0);
    assert.match(seen, /^a terminal\r?$/m);
    assert.match(seen, /Exiting session with sessionId: operator-/);
  });

  it("copies a file there and back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-plugin-"));
    try {
      const data = randomBytes(100_000);
      await writeFile(join(folder, "a b"), data);
      await copyTo(transport, join(folder, "a b"), join(folder, "there"), { user: "root" });
      await copyFrom(transport, join(folder, "there"), join(folder, "back"), { user: "root" });
      assert.ok((await readFile(join(folder, "back"))).equals(data));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
