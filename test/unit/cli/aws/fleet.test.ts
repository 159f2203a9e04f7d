import assert from "node:assert/strict";
import {
  AutoScalingClient,
  type DescribeAutoScalingGroupsCommandInput,
  type Instance as Member,
} from "@aws-sdk/client-auto-scaling";
import { type DescribeInstancesCommandInput, EC2Client, type Instance } from "@aws-sdk/client-ec2";
import { type DescribeInstanceInformationCommandInput, SSMClient } from "@aws-sdk/client-ssm";
import { describeGroups, describeInstances, describePings } from "../../../../cli/aws/describe.ts";
import { asked } from "../../../../cli/aws/errors.ts";
import { instanceOf, machineStatus, missingMachine, type Surroundings } from "../../../../cli/aws/status.ts";
import type { OperatorAwsOutputs } from "../../../../contract/outputs.ts";

const settings = { region: "eu-central-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };

/** A client whose calls are answered here, page by page; the SDK's paginators are the real ones. */
function answering<Client extends { send: unknown }, Input>(
  client: Client,
  answer: (input: Input) => object,
): [Client, Input[]] {
  const inputs: Input[] = [];
  Object.defineProperty(client, "send", {
    value: async (command: { input: Input }) => {
      inputs.push(command.input);
      return answer(command.input);
    },
  });
  return [client, inputs];
}

const id = (i: number): string => `i-${i.toString(16).padStart(17, "0")}`;

const outputs: OperatorAwsOutputs = {
  target: "aws",
  region: "eu-central-1",
  machines: { one: { instanceId: id(1), templateVersion: 3 } },
  pools: { workers: { groups: [{ group: "cloister-dev-workers", templateVersion: 5 }] } },
};

const named: Instance = {
  InstanceId: id(1),
  InstanceType: "c8g.xlarge",
  Placement: { AvailabilityZone: "eu-central-1a" },
  State: { Name: "running" },
  Tags: [
    { Key: "cloister:stack", Value: "dev" },
    { Key: "cloister:machine", Value: "one" },
    { Key: "aws:ec2launchtemplate:version", Value: "3" },
  ],
};

const pooled: Instance = {
  ...named,
  InstanceId: id(2),
  InstanceLifecycle: "spot",
  Tags: [
    { Key: "cloister:stack", Value: "dev" },
    { Key: "cloister:pool", Value: "workers" },
    { Key: "aws:autoscaling:groupName", Value: "cloister-dev-workers" },
    { Key: "aws:ec2launchtemplate:version", Value: "4" },
  ],
};

const member = (more: Partial<Member> = {}): ReadonlyMap<string, Member> =>
  new Map([
    [
      id(2),
      {
        InstanceId: id(2),
        AvailabilityZone: "eu-central-1a",
        HealthStatus: "Healthy",
        LifecycleState: "InService",
        ProtectedFromScaleIn: false,
        ...more,
      },
    ],
  ]);

const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  outputs,
  groups: new Map(),
  pings: new Map(),
  ...more,
});

describe("the machines of a stack on AWS", () => {
  it("are all of the stack's, page by page, by thousands", async () => {
    const [ec2, asking] = answering<EC2Client, DescribeInstancesCommandInput>(
      new EC2Client(settings),
      ({ NextToken, MaxResults }) => {
        const from = Number(NextToken ?? 0);
        const to = Math.min(2500, from + (MaxResults ?? 0));
        const Instances = Array.from({ length: to - from }, (_, i) => ({ InstanceId: id(from + i) }));
        // Two reservations in a page, as several calls of RunInstances leave them.
        const Reservations = [{ Instances: Instances.slice(0, 3) }, { Instances: Instances.slice(3) }];
        return { Reservations, ...(to < 2500 ? { NextToken: String(to) } : {}) };
      },
    );
    const found = await describeInstances(ec2, "dev");
    assert.deepEqual(
      found.map(({ InstanceId }) => InstanceId),
      Array.from({ length: 2500 }, (_, i) => id(i)),
    );
    assert.equal(asking.length, 3);
    assert.deepEqual(asking[0]?.Filters?.[0], { Name: "tag:cloister:stack", Values: ["dev"] });
    assert.ok(!asking[0]?.Filters?.[1]?.Values?.includes("terminated"));
    await describeInstances(ec2, "dev", id(7));
    assert.deepEqual(asking.at(-1)?.Filters?.[2], { Name: "instance-id", Values: [id(7)] });
  });

  it("are known to their groups, all groups in one call, and to none when there is none", async () => {
    const [scaling, asking] = answering<AutoScalingClient, DescribeAutoScalingGroupsCommandInput>(
      new AutoScalingClient(settings),
      () => ({
        AutoScalingGroups: [{ Instances: [...member().values()] }, { Instances: [] }],
      }),
    );
    assert.equal((await describeGroups(scaling, ["a", "b"])).get(id(2))?.LifecycleState, "InService");
    assert.deepEqual(asking[0]?.AutoScalingGroupNames, ["a", "b"]);
    assert.equal((await describeGroups(scaling, [])).size, 0);
    assert.equal(asking.length, 1, "an empty list would mean every group of the account");
  });

  it("answer to SSM or not, fifty to a page", async () => {
    const [ssm, asking] = answering<SSMClient, DescribeInstanceInformationCommandInput>(
      new SSMClient(settings),
      ({ NextToken }) => {
        const from = Number(NextToken ?? 0);
        const InstanceInformationList = Array.from({ length: 50 }, (_, i) => ({
          InstanceId: id(from + i),
          PingStatus: "Online",
        }));
        return { InstanceInformationList, ...(from < 100 ? { NextToken: String(from + 50) } : {}) };
      },
    );
    assert.equal((await describePings(ssm, "dev")).size, 150);
    assert.deepEqual(asking[0]?.Filters, [{ Key: "tag:cloister:stack", Values: ["dev"] }]);
    assert.equal(asking[0]?.MaxResults, 50);
    await describePings(ssm, "dev", id(7));
    assert.deepEqual(asking.at(-1)?.Filters, [{ Key: "InstanceIds", Values: [id(7)] }]);
    const before = asking.length;
    assert.equal((await describePings(ssm, "dev", "wroker")).size, 0);
    assert.equal(asking.length, before, "a name that is no id is not asked for");
  });

  it("have a name, a template and what is known of their verification: a named machine", () => {
    const status = machineStatus(named, around({ pings: new Map([[id(1), "Online"]]) }));
    assert.equal(status.name, "one");
    assert.equal(status.pool, undefined);
    assert.equal(status.template, "v3");
    assert.equal(status.current, true);
    assert.deepEqual(status.verification, { verdict: "unknown", by: "ask it: ls --ask" });
    assert.deepEqual(status.remarks, [id(1), "eu-central-1a", "c8g.xlarge", "SSM online"]);
    assert.equal(instanceOf(status, outputs), id(1));
  });

  it("and one of a pool, with its life cycle", () => {
    const groups = member({ ProtectedFromScaleIn: true });
    const status = machineStatus(pooled, around({ groups }));
    assert.equal(status.name, id(2));
    assert.equal(status.pool, "workers");
    assert.equal(status.current, false, "version 4 of 5");
    assert.equal(status.verification.verdict, "passed");
    assert.deepEqual(status.remarks, [
      "eu-central-1a",
      "c8g.xlarge",
      "spot",
      "InService",
      "protected from scale-in",
      "SSM never seen",
    ]);
    assert.equal(instanceOf(status, outputs), id(2));
  });

  it("are old by the group's own template, which an update that failed half-way has changed already", () => {
    const tagged = (version: string): Instance => ({
      ...pooled,
      Tags: pooled.Tags?.map((tag) => (tag.Key === "aws:ec2launchtemplate:version" ? { ...tag, Value: version } : tag)),
    });
    const groups = new Map([[id(2), { ...member().get(id(2)), wanted: 6 } as never]]);
    assert.equal(machineStatus(tagged("5"), around()).current, true, "by the outputs");
    assert.equal(machineStatus(tagged("5"), around({ groups })).current, false);
    assert.equal(machineStatus(tagged("6"), around({ groups })).current, true);
  });

  for (const [lifecycle, verdict] of [
    ["Pending:Wait", "pending"],
    ["Pending", "pending"],
    ["InService", "passed"],
    ["Terminating:Wait", "unknown"],
    ["Warmed:Running", "unknown"],
  ] as const) {
    it(`are ${verdict} while their life cycle says ${lifecycle}`, () => {
      const groups = member({ LifecycleState: lifecycle });
      assert.equal(machineStatus(pooled, around({ groups })).verification.verdict, verdict);
    });
  }

  it("say what to do when they do not run", () => {
    const stopped = machineStatus({ ...named, State: { Name: "stopped" } }, around());
    assert.equal(stopped.help, `Start it: aws ec2 start-instances --region eu-central-1 --instance-ids ${id(1)}`);
    assert.equal(stopped.verification.verdict, "unknown");
    assert.match(machineStatus({ ...named, State: { Name: "pending" } }, around()).help ?? "", /It boots/);
    assert.match(
      machineStatus({ ...pooled, State: { Name: "shutting-down" } }, around()).help ?? "",
      /group replaces it/,
    );
    assert.equal(machineStatus(named, around()).help, undefined);
    assert.match(missingMachine("one", "dev").help ?? "", /up --refresh --stack dev/);
  });

  it("tell AWS's refusals with what to do, and leave our own mistakes alone", async () => {
    const refusal = Object.assign(new Error("not connected"), { name: "TargetNotConnected", $metadata: {} });
    await assert.rejects(
      asked("no session with i-0", () => Promise.reject(refusal)),
      /no session with i-0: not connected\nIts SSM agent is not connected/,
    );
    const none = Object.assign(new Error("Could not load credentials"), { name: "CredentialsProviderError" });
    await assert.rejects(
      asked("no list", () => Promise.reject(none)),
      /aws sso login/,
    );
    const away = Object.assign(new Error("getaddrinfo ENOTFOUND ec2.eu-central-3"), { code: "ENOTFOUND" });
    await assert.rejects(
      asked("no list", () => Promise.reject(away)),
      /ENOTFOUND ec2\.eu-central-3\nThere is no such host of AWS's: look at the region's name/,
    );
    const own = new TypeError("x is not a function");
    await assert.rejects(
      asked("no list", () => Promise.reject(own)),
      (error) => error === own,
    );
  });
});
