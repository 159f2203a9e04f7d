import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { ensureRuntimeImage, type RuntimeImage } from "../../images/runtime/index.ts";
import type { MachineShape } from "../../infra/aws/machines/machine-template.ts";
import { hostArchitecture } from "../../infra/local/qemu.ts";
import { stopped } from "../../rehearsal/signals.ts";
import { StandInAws } from "../support/aws-guest/aws.ts";
import { AwsMachine, type TestDisk } from "../support/aws-guest/machine.ts";

const KEY = "sk-ant-only-the-relay-may-have-this";
const POOL = {
  launchHook: "verified",
  terminateHook: "drained",
  verifySeconds: 900,
  drainSeconds: 300,
};
const BOOT_MS = 480_000;

/**
 * User data as `infra/aws` renders it boots in a real machine, whose AWS is a stand-in: what each part differs in is said in
 * test/support/aws-guest.
 */
describe("a machine of the AWS target", function () {
  this.timeout(900_000);
  this.slow(120_000);
  let folder: string;
  let image: RuntimeImage;
  let aws: StandInAws;
  let session: TestDisk;
  let machine: AwsMachine | undefined;
  const report = (line: string) => console.log(`      ${line}`);

  before(async function () {
    // The other architecture is emulated, and has its own stage; what is looked at here does not depend on it.
    if ((process.env["CLOISTER_TEST_ARCHITECTURE"] ?? hostArchitecture()) !== hostArchitecture()) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-aws-vm-"));
    image = await ensureRuntimeImage({ arch: hostArchitecture(), report });
    session = await blankDisk("session", "cloister-session");
  });
  beforeEach(async () => {
    aws = await StandInAws.start();
    aws.waiting = POOL.launchHook;
    aws.secret = KEY;
    aws.objects.set(`images/runtime/${image.digest}.squashfs`, await readFile(image.path));
  });
  afterEach(async () => {
    await machine?.stop();
    machine = undefined;
    await aws?.close();
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function blankDisk(name: string, serial: string): Promise<TestDisk> {
    const file = join(folder, `${name}.qcow2`);
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", file, "10G"]);
    return { file, serial };
  }

  /** What `infra/aws` renders for a machine of a pool, with the stand-in's names in it. */
  async function userData(changes: Partial<MachineShape> = {}): Promise<Buffer> {
    const { userDataOf } = await import("../../infra/aws/machines/machine-template.ts");
    const shape: MachineShape = {
      region: "eu-central-1",
      stack: "dev",
      hostname: "claude",
      amiId: "ami-0123456789abcdef0",
      instanceType: "c8g.xlarge",
      rootDiskGiB: 10,
      sessionDiskGiB: 10,
      sessionMemoryMiB: 3891,
      keyArn: "",
      instanceProfile: "",
      securityGroupId: "",
      runtime: {
        digest: image.digest,
        size: image.size,
        region: "eu-central-1",
        bucket: "images",
        key: `runtime/${image.digest}.squashfs`,
      },
      logGroups: { system: "/cloister/dev/system", audit: "/cloister/dev/audit" },
      modelKeySecret: aws.secretArn,
      agent: {},
      aptMirror: "https://ports.ubuntu.com/ubuntu-ports",
      detailedMonitoring: false,
      tags: {},
      ...changes,
    };
    const output = userDataOf("pool", { ...shape, shape, pool: POOL });
    const base64 = await new Promise<string>((resolve) => {
      output.apply(resolve);
    });
    return Buffer.from(base64, "base64");
  }

  async function start(
    name: string,
    until: RegExp,
    more: { data?: Buffer; before?: TestDisk[]; environment?: Record<string, string> } = {},
  ): Promise<AwsMachine> {
    const { data = await userData(), ...rest } = more;
    machine = new AwsMachine({ folder: join(folder, name), userData: data, port: aws.port, report, ...rest });
    await machine.start(until, BOOT_MS);
    return machine;
  }

  /** Waits for something that the machine does by itself. */
  async function eventually<T>(
    what: string,
    look: () => Promise<T | undefined> | T | undefined,
    ms = 90_000,
  ): Promise<T> {
    for (const end = Date.now() + ms; ; await sleep(500)) {
      stopped.throwIfAborted();
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      if (Date.now() > end) {
        const calls = aws.calls.map(({ action, status, parameters }) => JSON.stringify({ action, status, parameters }));
        assert.fail(`${what}: not after ${ms / 1000} s; calls:\n${calls.join("\n")}`);
      }
    }
  }
  const completed = () => aws.taken("CompleteLifecycleAction", "LifecycleActionResult");

  it("finds its late session disk, verifies itself, signals, protects itself and drains", async () => {
    // A connection that breaks in the middle of the image.
    aws.breakAfter = 20_000_000;
    // A disk that is not ours comes first in the kernel's order.
    const other = await blankDisk("other", "vol0aaaaaaaaaaaaaaa");
    const here = await start("late", /waiting for the session disk/, { before: [other] });
    const got = aws.calls.filter(({ action }) => action === "GetObject").map(({ parameters }) => parameters["from"]);
    assert.equal(got[0], "0");
    assert.ok(Number(got.at(-1)) > 0, "the download went on where it broke off");
    assert.deepEqual(completed(), [], "nothing is signalled before the verification");

    await here.attach(session);
    await here.console(/cloister: (not )?ready.*/, BOOT_MS);
    await eventually("CONTINUE", () => completed()[0]);
    assert.deepEqual(completed(), ["CONTINUE"]);
    assert.match(await here.consoleText(), /the session disk \/dev\/nvme\S+ is blank: formatting it/);
    const disks = (await here.run("lsblk", "-dno", "NAME,SERIAL,LABEL")).stdout;
    assert.match(disks, /cloister-session +sessions/);
    assert.match(disks, /vol0aaaaaaaaaaaaaaa *$/m, "the other disk was not touched");

    // The key: where the relay reads it, for root alone.
    const key = await here.run("cat", "/run/cloister/model-key");
    assert.equal(key.stdout, KEY);
    assert.equal((await here.run("stat", "-c", "%a %U", "/run/cloister/model-key")).stdout, "600 root");
    const elsewhere = await here.run(
      "sh",
      "-c",
      `grep -rl 'sk-ant-only' /etc /var /run /root /tmp /sessions 2>/dev/null`,
    );
    assert.equal(elsewhere.stdout, "/run/cloister/model-key", "and nowhere else, neither logs nor disks");

    // The role's credentials: for root, and for nobody else.
    const ask = `t=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token) && curl -sf -m 5 -H "X-aws-ec2-metadata-token: $t" http://169.254.169.254/latest/meta-data/iam/security-credentials/machines`;
    const root = await here.run("sh", "-c", ask);
    assert.match(root.stdout, /ASIASTANDIN/, root.stderr);
    const user = await here.run("setpriv", "--reuid=nobody", "--clear-groups", "sh", "-c", ask);
    assert.notEqual(user.exitCode, 0);
    // A policy cannot even name the address; by the proxy, and past it, it is not reached either.
    const named = await here.run("cloister", "run", "--allow", "169.254.169.254", "--", "true");
    assert.equal(named.exitCode, 2);
    assert.match(named.stderr, /never reachable from a session/);
    const past = `unset http_proxy HTTP_PROXY all_proxy ALL_PROXY; ${ask}`;
    const sealed = await here.run(
      "cloister",
      "run",
      "--",
      "sh",
      "-c",
      `(${ask}); echo proxy $?; (${past}); echo past $?`,
    );
    assert.match(sealed.stdout, /proxy [1-9]\d*\npast [1-9]/, sealed.stderr);
    assert.ok(!`${user.stdout}${sealed.stdout}`.includes("ASIA"));

    // NVMe's Identify is really asked: only the model's name is made up, QEMU's disks have no name of EC2's.
    const model =
      "mkdir -p /tmp/s/class/nvme/nvme0 && echo 'Amazon Elastic Block Store' >/tmp/s/class/nvme/nvme0/model";
    const identified = await here.run(
      "sh",
      "-c",
      `${model} && CLOISTER_SYS=/tmp/s /opt/cloister/bin/boot-helper ebs /dev/sdf`,
    );
    assert.deepEqual([identified.exitCode, identified.stdout, identified.stderr], [0, "", ""]);

    // Logs: from the first line of the boot, and audit rows by themselves.
    await here.console(/cloister: logs: shipped to \/cloister\/dev\/system, audit rows to .*/, 120_000);
    const shipped = (group: string) =>
      (aws.logs.get(`/cloister/dev/${group}/${aws.instance}`) ?? []).map((e) => e.message);
    const first = await here.run("journalctl", "-b", "-o", "cat", "-n", "1", "--no-tail");
    assert.equal(first.exitCode, 0, first.stderr);
    await eventually(
      "the kernel's first line",
      () => shipped("system").some((row) => /Linux version /.test(row)) || undefined,
    );
    const audited = await here.run(
      "cloister",
      "run",
      "--allow",
      "example.com",
      "--",
      "curl",
      "-s",
      "https://denied.example",
    );
    assert.notEqual(audited.exitCode, 0);
    await eventually("an audit row", () => shipped("audit").some((row) => row.includes("denied.example")) || undefined);
    for (const row of shipped("audit")) assert.equal(typeof JSON.parse(row), "object", row);
    // An outage: what was written meanwhile comes afterwards.
    aws.logsRefused = "ServiceUnavailableException";
    await here.run("logger", "-t", "outage", "written while nothing was taken");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    assert.ok(!shipped("system").some((row) => row.includes("written while")));
    aws.logsRefused = undefined;
    await eventually(
      "the row of the outage",
      () => shipped("system").some((row) => row.includes("written while")) || undefined,
    );

    // A command that runs for a while protects the machine; then its group ends it.
    const long = here.run("cloister", "run", "--", "sh", "-c", "sleep 45; echo finished");
    // A machine that was idle for a minute before it has said so.
    const protection = () => aws.taken("SetInstanceProtection", "ProtectedFromScaleIn");
    await eventually("protection", () => protection().includes("true") || undefined);
    assert.equal(protection().at(-1), "true");
    aws.waiting = POOL.terminateHook;
    aws.target = "Terminated";
    await here.console(/life cycle: its group ends it: no new commands; 1 command may go on/, 30_000);
    const refused = await here.run("cloister", "run", "--", "true");
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /takes no new commands: its group ends it/);
    assert.deepEqual(completed(), ["CONTINUE"], "it waits for the command");
    const { stdout, exitCode } = await long;
    assert.deepEqual([exitCode, stdout], [0, "finished"]);
    await eventually("the terminating hook", () => completed()[1]);
    assert.deepEqual(completed(), ["CONTINUE", "CONTINUE"]);
    const hooks = aws.taken("CompleteLifecycleAction", "LifecycleHookName");
    assert.deepEqual(hooks, ["verified", "drained"]);

    // It stays after all; then EC2 takes it back at short notice, and what still runs is ended.
    aws.target = "InService";
    await here.console(/life cycle: this machine stays after all/, 30_000);
    const endless = here.run("cloister", "run", "--", "sleep", "600");
    await eventually(
      "the command",
      async () => (await here.run("pgrep", "-f", "^sleep 600")).exitCode === 0 || undefined,
    );
    aws.spot = JSON.stringify({ action: "terminate", time: new Date(Date.now() + 35_000).toISOString() });
    await here.console(/life cycle: EC2 takes this Spot machine back: no new commands; 1 command may go on/, 30_000);
    await here.console(/life cycle: the time is over: 1 command ended/, 60_000);
    assert.notEqual((await endless).exitCode, 0);
    await eventually("the end", async () => (await here.run("pgrep", "-f", "^sleep 600")).exitCode === 1 || undefined);
    assert.deepEqual(aws.unsigned, []);
    const memory = await here.run("systemctl", "show", "--value", "--property=MemoryCurrent", "cloister-aws");
    report(`cloister-aws uses ${Math.round(Number(memory.stdout) / 2 ** 20)} MiB`);
  });

  it("mounts no image of another digest; finds a session disk with data by its label, in the other order; is given up when its verification fails", async () => {
    const path = `images/runtime/${image.digest}.squashfs`;
    const right = aws.objects.get(path) ?? assert.fail();
    const wrong = Buffer.from(right);
    wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1;
    aws.objects.set(path, wrong);
    const here = await start("other-order", /cloister: not ready: .*/, {
      // Its root disk has another size.
      data: await userData({ rootDiskGiB: 20 }),
      before: [{ ...session, serial: "vol0123456789abcdef" }],
    });
    assert.match(await here.consoleText(), /not ready: cannot fetch the runtime image from s3:\/\/images\/runtime/);
    await eventually("ABANDON", () => completed()[0]);
    // The group ends it, and its other hook waits then: there is nothing to wait for.
    aws.waiting = POOL.terminateHook;
    await eventually("CONTINUE", () => completed()[1]);
    assert.deepEqual(completed(), ["ABANDON", "CONTINUE"]);
    assert.deepEqual(aws.taken("CompleteLifecycleAction", "LifecycleHookName"), ["verified", "drained"]);
    assert.notEqual((await here.run("mountpoint", "-q", "/opt/cloister")).exitCode, 0);
    const journal = await here.run("journalctl", "-u", "cloister-boot", "-o", "cat");
    assert.match(journal.stdout, /has digest .* it is not used/);

    // The same machine, were its bucket mended: its verification fails.
    aws.objects.set(path, right);
    aws.waiting = POOL.launchHook;
    await here.run("systemctl", "restart", "--no-block", "cloister-boot");
    await here.console(/cloister: not ready: D1 .*not 20 GB/, BOOT_MS);
    await here.console(
      /life cycle: not verified \(D1 .*\): ABANDON on the way to InService; the group was told/,
      60_000,
    );
    assert.deepEqual(completed(), ["ABANDON", "CONTINUE", "ABANDON"]);
    const { stdout } = await here.run("findmnt", "-no", "SOURCE", "/sessions");
    const serial = await here.run("cat", `/sys/block/${stdout.replace("/dev/", "")}/device/serial`);
    assert.equal(serial.stdout.trim(), "vol0123456789abcdef");
    assert.doesNotMatch(await here.consoleText(), /formatting it/);
    const marks = await here.run("cat", "/sessions/.cloister/machines");
    assert.equal(marks.stdout.trim().split("\n").length, 2, "the first machine's mark is there, too");
    assert.deepEqual(aws.unsigned, []);
  });
});
