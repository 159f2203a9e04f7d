import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity.js";
import { Secret } from "@pulumi/aws/secretsmanager/secret.js";
import * as pulumi from "@pulumi/pulumi";
import type { AwsOutputs } from "../../contract/outputs.ts";
import { DEFAULTS } from "../../contract/reference.ts";
import type { PendingFacts } from "../pending.ts";
import { agentOf, type Settings } from "../settings/settings.ts";
import { Encryption } from "./access/encryption.ts";
import { flowLogPolicy, machinePolicy } from "./access/policies.ts";
import { ServiceRole } from "./access/service-role.ts";
import { partitionOf } from "./component.ts";
import { destroyGuard } from "./data/on-destroy.ts";
import { RuntimeBucket } from "./data/runtime-bucket.ts";
import { Snapshots } from "./data/snapshots.ts";
import type { MachineShape, RuntimeSource } from "./machines/machine-template.ts";
import { NamedMachine } from "./machines/named-machine.ts";
import { Pool } from "./machines/pool.ts";
import { bucketOf } from "./network/endpoints.ts";
import { Network } from "./network/network.ts";
import { zoneFor } from "./plan/cells.ts";
import { monthlyEstimate, total } from "./plan/price.ts";
import { zonesOf } from "./plan/problems.ts";
import type { Providers } from "./providers.ts";
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

/** Everything of one stack in one AWS account and region. */
export class AwsTarget extends pulumi.ComponentResource {
  readonly outputs: PendingFacts<AwsOutputs>;

  constructor(name: string, args: AwsTargetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Target", name, {}, { ...opts, providers: { ...args.providers } });
    const { settings, stack, providers } = args;
    const { region } = settings;
    const parent = { parent: this };
    const name_ = `cloister-${stack}`;
    const partition = partitionOf(region);
    const tags = { ...settings.tags, "cloister:stack": stack };
    const boundary = settings.permissionsBoundary ? { permissionsBoundary: settings.permissionsBoundary } : {};
    const { accountId } = getCallerIdentityOutput({}, parent);

    const { keyArn } = new Encryption(name_, { region, accountId, tags }, parent);
    const logs = new Logs(
      name_,
      { prefix: `/cloister/${stack}`, retentionDays: settings.logRetentionDays, keyArn, tags },
      parent,
    );
    const bucket = new RuntimeBucket(
      name_,
      { keyArn, deleteWithContents: settings.onDestroy === "delete-data", tags },
      parent,
    );
    const modelKeySecret: pulumi.Input<string> =
      settings.modelKeySecret ||
      new Secret(
        `${name_}-model-key`,
        {
          description: "Key of the model's API. Put the value here by hand.",
          kmsKeyId: keyArn,
          recoveryWindowInDays: 7,
          tags,
        },
        parent,
      ).arn;

    const { existing, ...own } = settings.network;
    const flowLogs = own.flowLogs
      ? {
          flowLogs: {
            logGroupArn: logs.flow.arn,
            roleArn: new ServiceRole(
              `${name_}-flow-logs`,
              { service: "vpc-flow-logs.amazonaws.com", policy: logs.flow.arn.apply(flowLogPolicy), tags, ...boundary },
              parent,
            ).arn,
          },
        }
      : {};
    const network = new Network(
      name_,
      {
        region,
        zones: zonesOf(settings),
        cidr: own.cidr,
        nat: own.nat,
        ssmEndpoints: own.ssmEndpoints,
        dnsFirewall: own.dnsFirewall,
        accountId,
        packageBuckets: [bucketOf(settings.aptMirror)].filter((found) => found !== undefined),
        tags,
        ...flowLogs,
        ...(existing ? { existing } : {}),
      },
      parent,
    );

    const identity = new ServiceRole(
      `${name_}-machine`,
      {
        service: "ec2.amazonaws.com",
        forInstances: true,
        policy: pulumi
          .all([accountId, bucket.arn, keyArn, logs.system.arn, logs.audit.arn, modelKeySecret])
          .apply(([account, bucketArn, key, system, audit, secret]) =>
            machinePolicy({
              bucketArn,
              keyArn: key,
              logGroupArns: [system, audit],
              modelKeySecretArn: secret,
              stack,
              region,
              groupArns: `arn:${partition}:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/cloister-${stack}-*`,
            }),
          ),
        tags,
        ...boundary,
      },
      parent,
    );

    const shape: MachineShape = {
      region,
      stack,
      hostname: settings.hostname,
      amiId: settings.ami?.id ?? "",
      instanceType: settings.instanceType,
      rootDiskGiB: settings.rootDiskGiB,
      sessionDiskGiB: settings.sessionDiskGiB,
      // What the reference has, also where the instance has more.
      sessionMemoryMiB: settings.sessionMemoryMiB || DEFAULTS.sessionMemoryMiB,
      keyArn,
      instanceProfile: identity.profile,
      securityGroupId: network.securityGroupId,
      after: network.ways,
      runtime: args.runtimeImage(bucket.bucket, this),
      logGroups: { system: logs.system.name, audit: logs.audit.name },
      modelKeySecret,
      agent: agentOf(settings),
      aptMirror: settings.aptMirror,
      logsRequired: settings.logsRequired,
      detailedMonitoring: settings.detailedMonitoring,
      tags,
    };
    const zones = zonesOf(settings);
    const machines = Object.entries(settings.machines).map(([machine, wish]) => {
      const zone = wish.zone ?? zoneFor(machine, zones);
      const made = new NamedMachine(
        machine,
        {
          shape,
          zone,
          subnetId: network.subnetIds[zone] ?? "",
          terminationProtection: settings.terminationProtection,
          ...(wish.instanceType ? { instanceType: wish.instanceType } : {}),
          ...(wish.sessionDiskGiB ? { sessionDiskGiB: wish.sessionDiskGiB } : {}),
        },
        parent,
      );
      return [machine, made] as const;
    });
    if (machines.length > 0) {
      new Snapshots(`${name_}-snapshots`, { region, stack, keyArn, ...settings.snapshots, tags, ...boundary }, parent);
    }
    const pools = Object.entries(settings.pools).map(([pool, { desired, instanceType, spot, warmPool, ...wish }]) => {
      const made = new Pool(
        pool,
        {
          shape,
          subnetIds: Object.values(network.subnetIds),
          ...wish,
          ...(desired === undefined ? {} : { desired }),
          ...(instanceType ? { instanceType } : {}),
          ...(spot ? { spot } : {}),
          ...(warmPool ? { warmPool } : {}),
        },
        parent,
      );
      return [pool, made] as const;
    });
    if (settings.budget) new Budget(name_, { ...settings.budget, stack }, parent);
    const dashboard = new Dashboard(
      name_,
      {
        region,
        machines: machines.map(([machine, { instanceId }]) => ({ machine, instanceId })),
        pools: pools.map(([, { cells }]) => cells),
      },
      parent,
    );
    const estimate = monthlyEstimate(settings);
    this.outputs = {
      target: "aws",
      region,
      machines: Object.fromEntries(
        machines.map(([machine, { instanceId, reach, sessionVolumeId, templateVersion }]) => [
          machine,
          { instanceId, reach, sessionVolumeId, templateVersion },
        ]),
      ),
      pools: Object.fromEntries(pools.map(([pool, { cells, startSeconds }]) => [pool, { cells, startSeconds }])),
      logGroups: { system: logs.system.name, audit: logs.audit.name, flow: logs.flow.name },
      dashboard: dashboard.url,
      modelKeySecret,
      monthlyEstimateUSD: { total: total(estimate), lines: estimate },
    };
    destroyGuard(settings.onDestroy, this, providers.command);
    // They are the stack's outputs, and need not be in its state twice.
    this.registerOutputs({});
  }
}
