/**
 * The last column of docs/fidelity.md, row by row: what can be looked at is a step with its check, and the rest says why it is
 * not one. A test holds the rows against the page.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineResult } from "../engine.ts";
import type { Clients } from "../look.ts";

/** What a step can use. */
export interface Contact {
  readonly clients: Clients;
  /** True where moto stands in for AWS: nothing boots there. */
  readonly standIn: boolean;
  readonly region: string;
  readonly stack: string;
  /** Runs `pulumi` on the stack; its output is kept for the report. */
  pulumi(args: readonly string[]): Promise<EngineResult>;
  /** Changes the stack's configuration, keys without `cloister:`. */
  set(config: Readonly<Record<string, unknown>>): Promise<void>;
  configured(key: string): Promise<unknown>;
  outputs(): Promise<Record<string, unknown>>;
  /** Runs a script as root on the named machine, by SSM. Its output, or an error with it. */
  onMachine(script: string): Promise<string>;
  /** Runs the operator's command. Its output, or an error with it. */
  cloister(args: readonly string[]): Promise<string>;
  /** All that `pulumi up` and `destroy` have said so far. */
  said(): string;
}

/** A check of one or several rows. Throws what is wrong; returns what was seen. */
export interface Step {
  readonly name: string;
  /** First columns of the rows, as far as they are unique. */
  readonly rows: readonly string[];
  /** The parts of AWS that the stand-in does not have: there the step is not tried. */
  readonly needs?: "machine" | "aws";
  /** True where nothing after it makes sense when it failed. */
  readonly decides?: boolean;
  run(contact: Contact): Promise<string>;
}

/** Rows that no step looks at. */
export interface ByHand {
  readonly row: string;
  readonly why: string;
}

/** The stack of a first contact: `dev` with one machine, one pool, flow logs, and data that goes with it. */
export const CONFIG = {
  machines: { one: {} },
  pools: { small: { min: 0, max: 1, desired: 1 } },
  network: { cidr: "10.20.0.0/20", nat: "single", flowLogs: true },
  logRetentionDays: 1,
  onDestroy: "delete-data",
  snapshots: { keep: 1 },
} as const;

const MINUTES = 60_000;

/** Fails where a command did. */
function succeeded({ exitCode, all }: EngineResult): void {
  if (exitCode !== 0) throw new Error(lastLines(all));
}

const lastLines = (text: string, most = 30): string => text.trim().split("\n").slice(-most).join("\n");

function expects(holds: unknown, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** Looks again and again, until it holds. */
async function within<T>(minutes: number, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const end = Date.now() + minutes * MINUTES;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) throw new Error(`not within ${minutes} minutes; seen last: ${JSON.stringify(seen)}`);
    await sleep(10_000);
  }
}

const journal =
  (unit: string, says: RegExp, never = /\b(AccessDenied|UnauthorizedOperation)\b/) =>
  async ({ onMachine }: Contact): Promise<string> => {
    const text = await onMachine(`journalctl -b -u ${unit} --no-pager -o cat | tail -n 200`);
    expects(says.test(text), `the journal of ${unit} does not say ${says}:\n${lastLines(text)}`);
    expects(!never.test(text), `the journal of ${unit} says ${never}:\n${lastLines(text)}`);
    return lastLines(text, 3);
  };

const group = async ({ clients, stack }: Contact) => {
  const { AutoScalingGroups = [] } = await clients.autoScaling.describeAutoScalingGroups({
    AutoScalingGroupNames: [`cloister-${stack}-small`],
  });
  return AutoScalingGroups[0];
};

const logGroups = async (contact: Contact) => {
  const named = (await contact.outputs())["logGroups"] as Record<string, string>;
  const { logGroups: all = [] } = await contact.clients.logs.describeLogGroups({
    logGroupNamePrefix: `/cloister/${contact.stack}/`,
  });
  return Object.entries(named).map(([part, name]) => ({
    part,
    name,
    found: all.find((one) => one.logGroupName === name),
  }));
};

export const STEPS: readonly Step[] = [
  {
    name: "the image is Ubuntu's for arm64",
    rows: ["`npm run aws:ami`"],
    async run({ configured }) {
      const { name } = (await configured("ami")) as { name: string };
      expects(
        /^ubuntu\/images\/hvm-ssd(-gp3)?\/ubuntu-jammy-22\.04-arm64-server-\d{8}/.test(name),
        `its name is ${name}`,
      );
      return name;
    },
  },
  {
    name: "preview",
    rows: ["all of `infra/aws`", "zones that lack the instance type"],
    decides: true,
    async run({ pulumi, stack }) {
      const preview = await pulumi(["preview", "-s", stack]);
      succeeded(preview);
      expects(!/could not be looked up/.test(preview.all), `zones could not be asked for:\n${lastLines(preview.all)}`);
      return lastLines(preview.all, 4);
    },
  },
  {
    name: "up",
    rows: ["the deployer's policy", "the boundary, and the deployer's policy with `--boundary`"],
    decides: true,
    async run({ pulumi, stack }) {
      const up = await pulumi(["up", "--yes", "--skip-preview", "-s", stack]);
      succeeded(up);
      expects(!/AccessDenied|UnauthorizedOperation/.test(up.all), `access was denied:\n${lastLines(up.all)}`);
      return lastLines(up.all, 4);
    },
  },
  {
    name: "a second preview, and one after a refresh, show no change",
    rows: ["Pulumi's plugin for AWS"],
    async run({ pulumi, stack }) {
      succeeded(await pulumi(["preview", "--diff", "--expect-no-changes", "-s", stack]));
      succeeded(await pulumi(["preview", "--diff", "--expect-no-changes", "--refresh", "-s", stack]));
      return "no change, twice";
    },
  },
  {
    name: "log groups are there under the names of the outputs, and encrypted",
    rows: ["`pulumi up` after a destroy with `keep-data`", "the key's policy"],
    async run(contact) {
      for (const { part, name, found } of await logGroups(contact)) {
        expects(found, `${part}: there is no ${name}`);
        expects(found.kmsKeyId, `${name} has no key`);
        expects(/-[0-9a-f]{7}$/.test(name), `${name} has no random digits`);
      }
      return "all with the stack's key, and random digits in their names";
    },
  },
  {
    name: "the pool's machine comes into service",
    rows: ["signals, drain, the model's key"],
    async run(contact) {
      const minutes = contact.standIn ? 0.2 : 30;
      const found = await within(
        minutes,
        async () => ((await group(contact))?.Instances ?? []).map((one) => one.LifecycleState),
        (states) => states.includes("InService"),
      );
      return `instances: ${found.join(", ")}`;
    },
  },
  {
    name: "flow logs are delivered",
    rows: ["rights of the delivery of flow logs"],
    async run({ clients, stack, standIn }) {
      const { FlowLogs = [] } = await clients.ec2.describeFlowLogs({
        Filter: [{ Name: "tag:cloister:stack", Values: [stack] }],
      });
      expects(FlowLogs.length === 1, `${FlowLogs.length} flow logs of the stack`);
      const [{ FlowLogStatus, DeliverLogsStatus, DeliverLogsErrorMessage } = {}] = FlowLogs;
      expects(FlowLogStatus === "ACTIVE", `its status is ${FlowLogStatus}`);
      // moto says of each that it is refused.
      if (standIn) return `${FlowLogStatus}; moto delivers nothing`;
      expects(DeliverLogsStatus !== "FAILED", `delivery: ${DeliverLogsErrorMessage}`);
      return `${FlowLogStatus}, delivery ${DeliverLogsStatus ?? "not said yet"}`;
    },
  },
  {
    name: "every row of the verification holds",
    rows: [
      "the kernel of Ubuntu's image for AWS",
      "Ubuntu 22.04's userland under the guest",
      "how large an instance is",
      "arm64 machines",
    ],
    needs: "machine",
    run: async ({ cloister }) => lastLines(await cloister(["verify", "one"]), 60),
  },
  {
    name: "the machine got its image with its role",
    rows: ["the role of machines", "`cloud-init/files/fetch.py`"],
    needs: "machine",
    run: journal("cloister-boot", /./),
  },
  {
    name: "the session disk has EC2's name",
    rows: ["session disk by EC2's device name"],
    needs: "machine",
    async run({ onMachine }) {
      const text = await onMachine("/opt/cloister/bin/boot-helper ebs /dev/sdf");
      expects(/\/dev\/nvme\d+n1/.test(text), `it says ${text}`);
      return text.trim();
    },
  },
  {
    name: "the first event of a machine's log is the kernel's",
    rows: ["logs (`guest/aws/logs`)"],
    needs: "machine",
    async run(contact) {
      const name = (await logGroups(contact)).find(({ part }) => part === "system")?.name;
      const { logStreams = [] } = await contact.clients.logs.describeLogStreams({ logGroupName: name });
      const [stream] = logStreams;
      expects(stream?.logStreamName, `${name} has no stream`);
      const { events = [] } = await contact.clients.logs.getLogEvents({
        logGroupName: name,
        logStreamName: stream.logStreamName,
        startFromHead: true,
        limit: 1,
      });
      const [first] = events;
      expects(/Linux version|kernel/i.test(first?.message ?? ""), `the first event is ${first?.message}`);
      return first?.message?.slice(0, 200) ?? "";
    },
  },
  {
    name: "the agent beside AWS speaks of its group",
    rows: ["a machine's group, by the tag"],
    needs: "machine",
    run: journal("cloister-aws", /./),
  },
  {
    name: "cloud-init came to its end",
    rows: ["user data on EC2"],
    needs: "machine",
    async run({ onMachine }) {
      const text = await onMachine("cloud-init status --long");
      expects(/status: done/.test(text), text);
      return text.trim();
    },
  },
  {
    name: "Ubuntu's packages came with the image",
    rows: ["packages of Ubuntu in the runtime image"],
    needs: "machine",
    run: async ({ onMachine }) => {
      const text = await onMachine("cat /run/cloister/notices/* 2>/dev/null; true");
      expects(!/package/i.test(text), `the machine has a notice: ${text}`);
      return text.trim() || "no notice";
    },
  },
  {
    name: "sessions have quotas of their own",
    rows: ["the kernel's module of quotas on Ubuntu"],
    needs: "machine",
    run: async ({ onMachine }) => {
      const text = await onMachine(
        "test -e /run/cloister/quota && echo quotas; cat /run/cloister/notices/* 2>/dev/null; true",
      );
      expects(/^quotas/.test(text), `the session disk has no quotas: ${text}`);
      return text.trim();
    },
  },
  {
    name: "SSM's snap is held",
    rows: ["hold of SSM's snap"],
    needs: "machine",
    async run({ onMachine }) {
      const text = await onMachine("snap refresh --time; snap list amazon-ssm-agent");
      expects(/held/i.test(text), text);
      return text.trim();
    },
  },
  {
    name: "the operator's command runs in a sealed session",
    rows: ["the operator's command by SSM"],
    needs: "machine",
    run: async ({ cloister }) => await cloister(["run", "--", "true"]).then(() => "it ended with 0"),
  },
  {
    name: "a changed drainSeconds reaches the group's hook",
    rows: ["a changed `drainSeconds`"],
    async run(contact) {
      const { pulumi, set, clients, stack } = contact;
      await set({ pools: { small: { ...CONFIG.pools.small, drainSeconds: 600 } } });
      succeeded(await pulumi(["up", "--yes", "--skip-preview", "-s", stack]));
      const { LifecycleHooks = [] } = await clients.autoScaling.describeLifecycleHooks({
        AutoScalingGroupName: `cloister-${stack}-small`,
      });
      const waits = LifecycleHooks.find(({ LifecycleTransition = "" }) => LifecycleTransition.endsWith("TERMINATING"));
      expects(waits?.HeartbeatTimeout === 600, `the hook waits ${waits?.HeartbeatTimeout} s`);
      return "600 s";
    },
  },
  {
    name: "a refresh of a pool with a machine, and of an empty one, comes to its end",
    rows: ["DNS Firewall, snapshots, instance refresh"],
    needs: "aws",
    async run(contact) {
      const { clients, pulumi, set, stack } = contact;
      const AutoScalingGroupName = `cloister-${stack}-small`;
      const status = async () =>
        (await clients.autoScaling.describeInstanceRefreshes({ AutoScalingGroupName })).InstanceRefreshes?.[0]?.Status;
      const seen: string[] = [];
      for (const desired of [1, 0]) {
        await set({
          hostname: `contact-${desired}`,
          pools: { small: { ...CONFIG.pools.small, desired, drainSeconds: 600 } },
        });
        succeeded(await pulumi(["up", "--yes", "--skip-preview", "-s", stack]));
        seen.push(`${desired}: ${await within(45, status, (one) => /Successful|Failed|Cancelled/.test(one ?? ""))}`);
      }
      expects(
        seen.every((one) => one.endsWith("Successful")),
        seen.join(", "),
      );
      return seen.join(", ");
    },
  },
  {
    name: "a machine that somebody terminated comes back, with its disk",
    rows: [],
    async run({ clients, pulumi, outputs, stack }) {
      const of = async () =>
        ((await outputs())["machines"] as Record<string, { instanceId: string; sessionVolumeId: string }>)["one"];
      const before = await of();
      await clients.ec2.terminateInstances({ InstanceIds: [before?.instanceId ?? ""] });
      succeeded(await pulumi(["up", "--yes", "--skip-preview", "--refresh", "-s", stack]));
      const after = await of();
      expects(after?.instanceId !== before?.instanceId, "it is the same instance");
      expects(after?.sessionVolumeId === before?.sessionVolumeId, "it has another session disk");
      return `${before?.instanceId} became ${after?.instanceId}, disk ${after?.sessionVolumeId}`;
    },
  },
];

export const BY_HAND: readonly ByHand[] = [
  { row: "Ubuntu 24.04", why: "needs a stack with that release's image: `npm run aws:ami -- --release ubuntu-24.04`" },
  {
    row: "permissions of Data Lifecycle Manager",
    why: "a snapshot comes a day after the first up: keep a stack for two days",
  },
  {
    row: "the terminating hook of a machine that never got its runtime image",
    why: "needs a stack with a wrong digest",
  },
  { row: "the text by which", why: "needs a reboot of a pool's machine in service" },
  { row: "`https://ports.ubuntu.com`", why: "needs a runtime image without packages" },
  { row: "names behind aliases with DNS Firewall", why: "needs a stack with network.dnsFirewall" },
  { row: "policies of endpoints", why: "needs a stack with network.ssmEndpoints" },
  { row: "an operator's `ssmmessages:OpenDataChannel`", why: "needs an operator's credentials beside these" },
  { row: "prices", why: "the bill comes at the month's end" },
  { row: "warm pools, instance refresh, Spot", why: "needs a pool with warmPool, and one with spot" },
  { row: "budget's tag filter", why: "a tag can be activated a day after its first use" },
];
