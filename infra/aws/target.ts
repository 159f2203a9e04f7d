import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity.js";
import { Secret } from "@pulumi/aws/secretsmanager/secret.js";
import * as pulumi from "@pulumi/pulumi";
import type { AwsOutputs } from "../../contract/outputs.ts";
import { DEFAULTS } from "../../contract/reference.ts";
import { defined } from "../../lib/defined.ts";
import type { PendingFacts } from "../pending.ts";
import { agentOf, authoritiesOf, type Settings } from "../settings/settings.ts";
import { Encryption } from "./access/encryption.ts";
import { MachineRole } from "./access/machine-role.ts";
import { flowLogPolicy } from "./access/policies.ts";
import { ServiceRole } from "./access/service-role.ts";
import { destroyGuard } from "./data/on-destroy.ts";
import { RuntimeBucket } from "./data/runtime-bucket.ts";
import { Snapshots } from "./data/snapshots.ts";
import type { MachineShape, RuntimeSource } from "./machines/machine-template.ts";
import { NamedMachine } from "./machines/named-machine.ts";
import { Pool } from "./machines/pool.ts";
import { releaseOf } from "./machines/ubuntu.ts";
import { bucketOf } from "./network/endpoints.ts";
import { Network } from "./network/network.ts";
import { groupOf, groupsFor } from "./plan/groups.ts";
import { monthlyEstimate, total } from "./plan/price.ts";
import { resolveMachine, resolvePool } from "./plan/resolve.ts";
import { sizeInForce } from "./plan/schedule.ts";
import { zonesOf } from "./plan/zones.ts";
import type { Providers } from "./providers.ts";
import type { Tags } from "./tags.ts";
import { Alerts } from "./watch/alerts.ts";
import { Budget } from "./watch/budget.ts";
import { Dashboard } from "./watch/dashboard.ts";
import { Logs } from "./watch/logs.ts";

/** Arguments of {@link AwsTarget}. */
export interface AwsTargetArgs {
  readonly settings: Settings;
  readonly stack: string;
  /** Everything has these, whatever other keys of the stack say. */
  readonly providers: Providers;
  /** Puts the runtime image into the bucket and tells where it is. */
  readonly runtimeImage: (bucket: pulumi.Output<string>, parent: pulumi.Resource) => pulumi.Input<RuntimeSource>;
}

/** The stack's own key, logs, bucket and secret. */
interface Data {
  readonly keyArn: pulumi.Output<string>;
  readonly logs: Logs;
  readonly bucket: RuntimeBucket;
  /** ARN of the secret with the model's key. */
  readonly modelKeySecret: pulumi.Input<string>;
}

/** Machines and pools, by name. */
interface Machines {
  readonly named: Readonly<Record<string, NamedMachine>>;
  readonly pools: Readonly<Record<string, Pool>>;
}

/** Everything of one stack in one AWS account and region. */
export class AwsTarget extends pulumi.ComponentResource {
  readonly outputs: PendingFacts<AwsOutputs>;
  readonly #args: AwsTargetArgs;
  /** First part of the names of what the stack has once. */
  readonly #prefix: string;
  readonly #tags: Tags;
  readonly #accountId: pulumi.Output<string>;

  constructor(name: string, args: AwsTargetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Target", name, {}, { ...opts, providers: { ...args.providers } });
    const { settings, stack, providers } = args;
    this.#args = args;
    this.#prefix = `cloister-${stack}`;
    this.#tags = { ...settings.tags, "cloister:stack": stack };
    this.#accountId = getCallerIdentityOutput({}, { parent: this }).accountId;

    const data = this.#data();
    const network = this.#network(data);
    const role = this.#machineRole(data);
    const shape = this.#shape(data, network, role.profile);
    const machines = this.#machines(shape, network);
    const dashboard = this.#watch(machines, data);
    const { vpcId, subnetIds, securityGroupId } = network;
    const { keyArn, bucket } = data;
    this.outputs = {
      ...this.#outputs(data, machines, dashboard),
      resources: {
        vpcId,
        subnetIds: { ...subnetIds },
        securityGroupId,
        keyArn,
        bucket: bucket.bucket,
        machineRoleArn: role.arn,
      },
    };
    destroyGuard(settings.onDestroy, this, providers.command);
    // They are the stack's outputs, and need not be in its state twice.
    this.registerOutputs({});
  }

  /** Arguments that every component and role of the stack takes. */
  get #common() {
    const { permissionsBoundary } = this.#args.settings;
    return { tags: this.#tags, ...(permissionsBoundary ? { permissionsBoundary } : {}) };
  }

  #data(): Data {
    const { settings, stack } = this.#args;
    const { region } = settings;
    const prefix = this.#prefix;
    const tags = this.#tags;
    const parent = { parent: this };
    const { keyArn } = new Encryption(prefix, { region, accountId: this.#accountId, tags }, parent);
    const retentionDays = settings.logRetentionDays;
    const logs = new Logs(prefix, { prefix: `/cloister/${stack}`, retentionDays, keyArn, tags }, parent);
    const deleteWithContents = settings.onDestroy === "delete-data";
    const bucket = new RuntimeBucket(prefix, { keyArn, deleteWithContents, tags }, parent);
    return { keyArn, logs, bucket, modelKeySecret: settings.modelKeySecret || this.#secret(keyArn) };
  }

  #secret(kmsKeyId: pulumi.Output<string>): pulumi.Output<string> {
    const description = "Key of the model's API. Put the value here by hand.";
    return new Secret(
      `${this.#prefix}-model-key`,
      { description, kmsKeyId, recoveryWindowInDays: 7, tags: this.#tags },
      { parent: this },
    ).arn;
  }

  #network({ logs }: Data): Network {
    const { settings } = this.#args;
    const { flowLogs, existing, cidr, nat, ssmEndpoints, dnsFirewall } = settings.network;
    return new Network(
      this.#prefix,
      defined({
        region: settings.region,
        zones: zonesOf(settings),
        cidr,
        nat,
        ssmEndpoints,
        dnsFirewall,
        existing,
        accountId: this.#accountId,
        packageBuckets: [bucketOf(settings.aptMirror)].filter((found) => found !== undefined),
        flowLogs: flowLogs ? { logGroupArn: logs.flow.arn, roleArn: this.#flowLogRole(logs) } : undefined,
        tags: this.#tags,
      }),
      { parent: this },
    );
  }

  #flowLogRole(logs: Logs): pulumi.Output<string> {
    const policy = logs.flow.arn.apply(flowLogPolicy);
    return new ServiceRole(
      `${this.#prefix}-flow-logs`,
      { service: "vpc-flow-logs.amazonaws.com", policy, sourceAccount: this.#accountId, ...this.#common },
      { parent: this },
    ).arn;
  }

  #machineRole({ keyArn, logs, bucket, modelKeySecret }: Data): MachineRole {
    const { settings, stack } = this.#args;
    return new MachineRole(
      `${this.#prefix}-machine`,
      {
        region: settings.region,
        stack,
        accountId: this.#accountId,
        bucketArn: bucket.arn,
        keyArn,
        logGroupArns: [logs.system.arn, logs.audit.arn],
        modelKeySecretArn: modelKeySecret,
        ...this.#common,
      },
      { parent: this },
    );
  }

  /** All that the machines of the stack have in common. */
  #shape(data: Data, network: Network, instanceProfile: pulumi.Output<string>): MachineShape {
    const { settings, stack } = this.#args;
    const { keyArn, logs, bucket, modelKeySecret } = data;
    return {
      region: settings.region,
      stack,
      hostname: settings.hostname,
      amiId: settings.ami?.id ?? "",
      ...(releaseOf(settings.ami?.name ?? "") === "ubuntu-24.04" ? { ubuntu: "24.04" } : {}),
      instanceType: settings.instanceType,
      rootDiskGiB: settings.rootDiskGiB,
      sessionDiskGiB: settings.sessionDiskGiB,
      // As much as the reference has, also where the instance has more.
      sessionMemoryMiB: settings.sessionMemoryMiB || DEFAULTS.sessionMemoryMiB,
      keyArn,
      instanceProfile,
      securityGroupId: network.securityGroupId,
      dependsOn: network.dependencies,
      runtime: this.#args.runtimeImage(bucket.bucket, this),
      logGroups: { system: logs.system.name, audit: logs.audit.name },
      modelKeySecret,
      agent: agentOf(settings),
      packages: settings.packages,
      ...defined({ certificateAuthorities: authoritiesOf(settings) }),
      aptMirror: settings.aptMirror,
      logsRequired: settings.logsRequired,
      detailedMonitoring: settings.detailedMonitoring,
      tags: this.#tags,
    };
  }

  #machines(shape: MachineShape, { subnetIds }: Network): Machines {
    const { settings } = this.#args;
    const { terminationProtection } = settings;
    const parent = { parent: this };
    const named = Object.keys(settings.machines).map((name) => {
      const machine = resolveMachine(settings, name);
      const subnetId = subnetIds[machine.zone] ?? "";
      const { was } = settings.machines[name] ?? {};
      // What is named after it follows.
      const options = was === undefined ? parent : { ...parent, aliases: [{ name: was }] };
      return [name, new NamedMachine(name, { shape, ...machine, subnetId, terminationProtection }, options)] as const;
    });
    if (named.length > 0) this.#snapshots(shape.keyArn);
    const pools = Object.keys(settings.pools).map((name) => {
      const { sessionDiskGiB: _, ...pool } = resolvePool(settings, name);
      const sizeNow = sizeInForce(pool.schedules, new Date());
      const args = { shape, subnetIds: Object.values(subnetIds), ...defined({ ...pool, sizeNow }) };
      return [name, new Pool(name, args, parent)] as const;
    });
    return { named: Object.fromEntries(named), pools: Object.fromEntries(pools) };
  }

  #snapshots(keyArn: pulumi.Input<string>): void {
    const { settings, stack } = this.#args;
    const accountId = this.#accountId;
    const args = { region: settings.region, stack, keyArn, accountId, ...settings.snapshots, ...this.#common };
    new Snapshots(`${this.#prefix}-snapshots`, args, { parent: this });
  }

  #watch({ named, pools }: Machines, { logs }: Data): Dashboard {
    const { settings, stack } = this.#args;
    const parent = { parent: this };
    const machines = Object.entries(named).map(([machine, { instanceId }]) => ({ machine, instanceId }));
    if (settings.alerts) {
      const groups = Object.entries(settings.pools).flatMap(([pool, { max }]) =>
        Array.from({ length: groupsFor(max) }, (_, index) => `cloister-${stack}-${groupOf(pool, index)}`),
      );
      // A stack whose pools may all be empty says nothing for a time.
      const always = machines.length > 0 || Object.values(settings.pools).some(({ min }) => min > 0);
      const logGroups = always ? [{ name: "system", group: logs.system.name }] : [];
      const watched = { machines, groups, logGroups, tags: this.#tags };
      new Alerts(this.#prefix, { ...settings.alerts, ...watched }, parent).unconfirmed.apply((said) => {
        if (said !== undefined) void pulumi.log.warn(said);
      });
    }
    if (settings.budget) new Budget(this.#prefix, { ...settings.budget, stack }, parent);
    return new Dashboard(
      this.#prefix,
      {
        region: settings.region,
        machines,
        pools: Object.values(pools).map(({ groups }) => groups),
      },
      parent,
    );
  }

  #outputs({ logs, modelKeySecret }: Data, { named, pools }: Machines, dashboard: Dashboard): AwsTarget["outputs"] {
    const { settings } = this.#args;
    const lines = monthlyEstimate(settings, "schedule");
    return {
      target: "aws",
      region: settings.region,
      accountId: this.#accountId,
      machines: mapped(named, ({ instanceId, shellCommand, sessionVolumeId, templateVersion }) => ({
        instanceId,
        shellCommand,
        sessionVolumeId,
        templateVersion,
      })),
      pools: mapped(pools, ({ groups, startSeconds }) => ({ groups, startSeconds })),
      logGroups: { system: logs.system.name, audit: logs.audit.name, flow: logs.flow.name },
      dashboard: dashboard.url,
      modelKeySecret,
      monthlyEstimateUSD: defined({
        total: total(lines),
        least: total(monthlyEstimate(settings, "least")),
        most: total(monthlyEstimate(settings, "most")),
        lines,
      }),
    };
  }
}

const mapped = <A, B>(all: Readonly<Record<string, A>>, to: (one: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(all).map(([name, one]) => [name, to(one)]));
