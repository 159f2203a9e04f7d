import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import type { EngineResult } from "../../../rehearsal/engine.ts";
import { type Clients, clientsOf, instancesOf, inventory, tagsOf } from "../../../rehearsal/look.ts";
import { IMAGES } from "../../../rehearsal/moto.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";

/** Keys of the configuration, without `cloister:`; null for one that is not set. */
export type Config = Readonly<Record<string, unknown>>;

/** Everything that an AWS stack can have, in one. */
export const EVERYTHING = {
  machines: { one: {}, two: { zone: "eu-central-1b" } },
  pools: {
    small: { min: 1, max: 2, warmPool: { minSize: 0 } },
    large: { max: 502 },
    spot: {
      max: 4,
      schedules: { morning: { cron: "0 6 * * *", timeZone: "Europe/Berlin", min: 2, max: 4, desired: 3 } },
      spot: { onDemandBase: 1, instanceTypes: ["m8g.xlarge"] },
    },
  },
  network: {
    cidr: "10.20.0.0/20",
    nat: "single",
    flowLogs: true,
    ssmEndpoints: true,
    dnsFirewall: ["api.anthropic.com", "ports.ubuntu.com"],
  },
  alerts: { email: "someone@example.com" },
  budget: { monthlyUSD: 100, email: "someone@example.com" },
};

/** The configuration that a scenario has unless a test changes it. */
const USUAL: Config = { ...EVERYTHING, ami: IMAGES[0], hostname: null, sessionDiskGiB: null, onDestroy: "delete-data" };

export const succeeded = ({ exitCode, all }: EngineResult): void => assert.equal(exitCode, 0, all);

/**
 * The stack `dev` with {@link EVERYTHING}, shared by the tests of one file, since it takes half a minute to make. Each test
 * says by {@link at} which configuration it begins with. The stack has it already when the test before ended there, and is
 * brought there when that one was not run.
 */
export class Scenario {
  readonly stack: Rehearsal;
  readonly aws: Clients;
  /** All that an account has without the stack. */
  readonly empty: readonly string[];
  #there: Config | undefined;
  /** True when the stack has been up and was destroyed. */
  #destroyed = false;

  private constructor(stack: Rehearsal, aws: Clients, empty: readonly string[]) {
    this.stack = stack;
    this.aws = aws;
    this.empty = empty;
  }

  static async create(): Promise<Scenario> {
    const stack = await Rehearsal.create({ stack: "dev", config: EVERYTHING });
    const aws = clientsOf(stack.moto.endpoint);
    return new Scenario(stack, aws, await inventory(aws, await stack.kept()));
  }

  /** Brings the stack to a configuration, by `pulumi up` where it has another one. */
  async at(changes: Config = {}): Promise<void> {
    const config = { ...USUAL, ...changes };
    if (isDeepStrictEqual(config, this.#there)) return;
    this.disturbed();
    await this.stack.set(config);
    succeeded(await this.stack.engine.up());
    this.#there = config;
    this.#destroyed = false;
  }

  /** To be called by a test that changes the stack by other ways than {@link at}: the next one is brought up anew. */
  disturbed(): void {
    this.#there = undefined;
  }

  async destroy(): Promise<void> {
    this.disturbed();
    succeeded(await this.stack.engine.destroy());
    this.#destroyed = true;
  }

  /** Lets the stack live from its first `up` over a change of all machines to its end, unless the tests before have done so. */
  async lifeLived(change: Config): Promise<void> {
    if (this.#destroyed) return;
    await this.at();
    await this.at(change);
    await this.destroy();
  }

  /** The one instance with a name. */
  async machine(name: string) {
    const found = (await instancesOf(this.aws)).filter(({ Tags }) => tagsOf(Tags)["Name"] === name);
    assert.equal(found.length, 1, `instances named ${name}`);
    return found[0] as (typeof found)[0];
  }

  async output<T>(name: string): Promise<T> {
    return (await this.stack.engine.outputs())[name] as T;
  }

  async sessionVolume(name: string): Promise<string> {
    return (await this.output<Record<string, { sessionVolumeId: string }>>("machines"))[name]?.sessionVolumeId ?? "";
  }

  /** Id of the instance that has a volume. */
  async attached(volume: string): Promise<string | undefined> {
    return (await this.aws.ec2.describeVolumes({ VolumeIds: [volume] })).Volumes?.[0]?.Attachments?.[0]?.InstanceId;
  }

  /** The Auto Scaling group of a name. */
  async group(name: string) {
    const { AutoScalingGroups } = await this.aws.autoScaling.describeAutoScalingGroups({
      AutoScalingGroupNames: [`cloister-dev-${name}`],
    });
    assert.equal(AutoScalingGroups?.length, 1);
    return AutoScalingGroups[0] as NonNullable<typeof AutoScalingGroups>[0];
  }

  /** The newest version of a launch template. */
  async templateOf(name: string) {
    const { LaunchTemplates } = await this.aws.ec2.describeLaunchTemplates({});
    const id = LaunchTemplates?.find(({ LaunchTemplateName = "" }) =>
      new RegExp(`^${name}-[0-9a-f]{7}$`).test(LaunchTemplateName),
    )?.LaunchTemplateId;
    const { LaunchTemplateVersions } = await this.aws.ec2.describeLaunchTemplateVersions({
      LaunchTemplateId: id,
      Versions: ["$Latest"],
    });
    return LaunchTemplateVersions?.[0]?.LaunchTemplateData ?? {};
  }

  /** Seconds that each hook of a pool waits. */
  async hooksOf(name: string): Promise<Record<string, number>> {
    const { LifecycleHooks = [] } = await this.aws.autoScaling.describeLifecycleHooks({
      AutoScalingGroupName: `cloister-dev-${name}`,
    });
    return Object.fromEntries(
      LifecycleHooks.map(({ LifecycleHookName = "", HeartbeatTimeout = 0 }) => [LifecycleHookName, HeartbeatTimeout]),
    );
  }

  async refreshes() {
    return Object.values((await this.stack.kept())["autoscaling:refresh"] ?? {});
  }
}

export const userDataOf = (base64: string | undefined): Record<string, unknown> =>
  parse(gunzipSync(Buffer.from(base64 ?? "", "base64")).toString("utf8")) as Record<string, unknown>;

/** What user data tells the guest of its machine. */
export const described = (base64: string | undefined): Record<string, unknown> => {
  const files = userDataOf(base64)["write_files"] as { path: string; content: string }[];
  return JSON.parse(files.find(({ path }) => path === "/etc/cloister/machine.json")?.content ?? "{}");
};
