import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import {
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  SetInstanceProtectionCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
  type TagSpecification,
} from "@aws-sdk/client-ec2";
import { awsFleet } from "../../../cli/aws/fleet.ts";
import { capture } from "../../../cli/capture.ts";
import { chooseMachine } from "../../../cli/choose.ts";
import { verifyNow } from "../../../cli/report.ts";
import type { OperatorAwsOutputs } from "../../../contract/outputs.ts";
import { IMAGES, type Moto, startMoto } from "../../../rehearsal/moto.ts";
import { GOOD_REPORT } from "../../support/local/stack.ts";
import { standInPrograms } from "../../support/operator/here.ts";
import { type SsmStandIn, startSsm } from "../../support/operator/ssm-stand-in.ts";

const REGION = "eu-central-1";

/**
 * The operator's command with AWS's own SDK: EC2 and Auto Scaling are moto, SSM and its plugin are stand-ins, and the machine
 * that sessions lead to is this computer.
 */
describe("the operator's command on AWS", function () {
  this.timeout(120_000);
  this.slow(30_000);
  const before_ = { ...process.env };
  let moto: Moto;
  let ssm: SsmStandIn;
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  let outputs: OperatorAwsOutputs;
  let pooled: string[];

  before(async () => {
    [moto, ssm, programs] = await Promise.all([startMoto(), startSsm(), standInPrograms()]);
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ENDPOINT_URL_SSM: ssm.endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      PATH: programs.env["PATH"],
    });
    delete process.env["AWS_PROFILE"];
    ({ outputs, pooled } = await makeFleet());
    for (const id of [outputs.machines["one"]?.instanceId, ...pooled]) ssm.online.add(id ?? "");
  });
  after(async () => {
    process.env = before_;
    await Promise.all([moto.stop(), ssm.stop(), programs.remove()]);
  });

  it("lists machines and pools, with state, template version, life cycle and SSM's word", async () => {
    const machines = await awsFleet("dev", outputs).machines();
    assert.deepEqual(
      machines.map(({ name, pool, state, template, current }) => ({ name, pool, state, template, current })),
      [
        { name: "lost", pool: undefined, state: "gone", template: "", current: undefined },
        { name: "one", pool: undefined, state: "running", template: "v1", current: true },
        ...pooled.map((name) => ({ name, pool: "workers", state: "running", template: "v1", current: false })),
      ],
    );
    for (const machine of machines.slice(2)) assert.ok(machine.remarks.includes("SSM online"), machine.remarks.join());
    assert.deepEqual(
      machines.filter(({ remarks }) => remarks.includes("protected from scale-in")).map(({ name }) => name),
      pooled.slice(0, 1),
    );
    assert.ok(
      machines.slice(2).every(({ verification }) => verification.verdict === "passed"),
      "moto's are in service at once",
    );
    assert.ok(!machines.some(({ name }) => name === "other"), "a machine of another stack");
  });

  it("asks AWS about one machine when one is named, by name or id", async () => {
    const fleet = awsFleet("dev", outputs);
    for (const name of ["one", pooled[1] ?? ""]) assert.equal((await chooseMachine(fleet, "dev", name)).name, name);
    await assert.rejects(chooseMachine(fleet, "dev", "onne"), /Did you mean one\?/);
    await assert.rejects(chooseMachine(fleet, "dev", "lost"), /is gone\. Bring it back/);
    await assert.rejects(chooseMachine(fleet, "dev", undefined), /has 5 machines: name one/);
  });

  it("runs a command by a session of SSM: words, input, output and exit code", async () => {
    const fleet = awsFleet("dev", outputs);
    const transport = await fleet.connect(await chooseMachine(fleet, "dev", "one"));
    const data = randomBytes(50_000).toString("base64");
    const before = ssm.calls.length;
    const script = 'cat; printf "%s" "$1" >&2; exit 9';
    const kept: Buffer[] = [];
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    stdout.on("data", (part: Buffer) => kept.push(part));
    const said: Buffer[] = [];
    stderr.on("data", (part: Buffer) => said.push(part));
    const words = ["sh", "-c", script, "sh", "it's $(id)\n-x"];
    assert.equal(await transport.exec(words, { stdin: Readable.from([Buffer.from(data)]), stdout, stderr }), 9);
    assert.equal(Buffer.concat(kept).toString(), data);
    assert.equal(Buffer.concat(said).toString(), "it's $(id)\n-x");
    const started = ssm.calls.slice(before).find(({ operation }) => operation === "StartSession");
    assert.equal(started?.input["Target"], outputs.machines["one"]?.instanceId);
    assert.equal(started?.input["DocumentName"], "AWS-StartInteractiveCommand");
    assert.equal(started?.input["Reason"], "cloister: one command");
    assert.doesNotMatch(JSON.stringify(started), /it's/, "what is run is not in the API's call, nor in CloudTrail");
  });

  it("ends the session", async () => {
    for (let i = 0; i < 50 && !ssm.calls.some(({ operation }) => operation === "TerminateSession"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(ssm.calls.some(({ operation }) => operation === "TerminateSession"));
  });

  it("asks a machine for its verification", async () => {
    // Stands in for the machine's own command.
    await writeFile(join(programs.folder, "cloister"), `#!/bin/sh\necho '${JSON.stringify(GOOD_REPORT)}'\n`);
    await chmod(join(programs.folder, "cloister"), 0o755);
    const fleet = awsFleet("dev", outputs);
    const machine = await chooseMachine(fleet, "dev", "one");
    const transport = await fleet.connect(machine);
    const { stdout } = await capture(transport, ["sh", "-c", `PATH=${programs.folder}:$PATH; cloister verify --json`]);
    assert.equal(JSON.parse(stdout).ok, true);
    // This computer has no such command where a machine would look for it: that is told, not taken for a report.
    await assert.rejects(verifyNow(fleet, machine), /one gave no report: cloister verify --json ended with 127/);
  });

  it("says so when the agent is not connected, when a machine does not run, and when the plugin is missing", async () => {
    const fleet = awsFleet("dev", outputs);
    const [, second = ""] = pooled;
    ssm.online.delete(second);
    const deaf = await fleet.connect(await chooseMachine(fleet, "dev", second));
    await assert.rejects(capture(deaf, ["true"]), /is not connected\.\nIts SSM agent is not connected/);
    const one = await chooseMachine(fleet, "dev", "one");
    const PATH = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      const before = ssm.calls.length;
      await assert.rejects(capture(await fleet.connect(one), ["true"]), /needs AWS's session-manager-plugin on PATH/);
      assert.equal(ssm.calls.length, before, "no session was opened");
    } finally {
      process.env["PATH"] = PATH;
    }
    const ec2 = new EC2Client({ region: REGION });
    await ec2.send(new StopInstancesCommand({ InstanceIds: [outputs.machines["one"]?.instanceId ?? ""] }));
    await assert.rejects(
      chooseMachine(fleet, "dev", "one"),
      /machine one of the stack dev is stopped\. Start it: aws ec2 start-instances/,
    );
  });

  it("still lists machines where SSM does not answer", async () => {
    ssm.denies = true;
    const machines = await awsFleet("dev", outputs).machines();
    ssm.denies = false;
    assert.equal(machines.length, 5);
    assert.ok(machines.at(-1)?.remarks.includes("SSM does not say"), machines.at(-1)?.remarks.join());
  });
});

/** A named machine, a pool of three of which the template has changed since, and a machine of another stack. */
async function makeFleet(): Promise<{ outputs: OperatorAwsOutputs; pooled: string[] }> {
  const ec2 = new EC2Client({ region: REGION });
  const scaling = new AutoScalingClient({ region: REGION });
  const tags = (all: Record<string, string>) => Object.entries(all).map(([Key, Value]) => ({ Key, Value }));
  const onInstance = (all: Record<string, string>): TagSpecification[] => [
    { ResourceType: "instance", Tags: tags(all) },
  ];
  const data = { ImageId: IMAGES[0]?.id ?? "", InstanceType: "c8g.xlarge" as const };
  await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: "workers", LaunchTemplateData: data }));
  const run = async (all: Record<string, string>): Promise<string> => {
    // moto does not write EC2's own tags on an instance that is run from a template.
    const own = { ...all, "aws:ec2launchtemplate:version": "1" };
    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ...data, MinCount: 1, MaxCount: 1, TagSpecifications: onInstance(own) }),
    );
    return Instances?.[0]?.InstanceId ?? assert.fail("no instance");
  };
  const instanceId = await run({ "cloister:stack": "dev", "cloister:machine": "one" });
  await run({ "cloister:stack": "prod", "cloister:machine": "other" });
  const group = "cloister-dev-workers";
  await scaling.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: group,
      LaunchTemplate: { LaunchTemplateName: "workers", Version: "1" },
      MinSize: 3,
      MaxSize: 3,
      AvailabilityZones: [`${REGION}a`],
      Tags: tags({ "cloister:stack": "dev", "cloister:pool": "workers" }).map((tag) => ({
        ...tag,
        PropagateAtLaunch: true,
      })),
    }),
  );
  await ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: "workers",
      SourceVersion: "1",
      LaunchTemplateData: data,
    }),
  );
  // The group has the new version, its machines still have the old one.
  await scaling.send(
    new UpdateAutoScalingGroupCommand({
      AutoScalingGroupName: group,
      LaunchTemplate: { LaunchTemplateName: "workers", Version: "2" },
    }),
  );
  const outputs: OperatorAwsOutputs = {
    target: "aws",
    region: REGION,
    machines: {
      one: { instanceId, templateVersion: 1 },
      lost: { instanceId: "i-0123456789abcdef0", templateVersion: 1 },
    },
    pools: { workers: { groups: [{ group, templateVersion: 2 }] } },
  };
  const all = await awsFleet("dev", outputs).machines();
  const pooled = all.filter(({ pool }) => pool === "workers").map(({ name }) => name);
  await scaling.send(
    new SetInstanceProtectionCommand({
      AutoScalingGroupName: group,
      InstanceIds: pooled.slice(0, 1),
      ProtectedFromScaleIn: true,
    }),
  );
  return { outputs, pooled };
}
