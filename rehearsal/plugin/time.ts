/**
 * How long AWS takes until a thing is there or gone, by type: seconds, as AWS's documentation and public reports of the
 * provider's runs have them, rounded. What is not here takes a second or less. The stand-in waits a part of that,
 * `CLOISTER_TIME_SCALE` (default 0: not at all), so that an order that does not hold shows.
 */
import { setTimeout as sleep } from "node:timers/promises";

interface Takes {
  readonly create?: number;
  readonly delete?: number;
}

const TAKES: Readonly<Record<string, Takes>> = {
  "aws:ec2/vpc:Vpc": { create: 12 },
  "aws:ec2/subnet:Subnet": { create: 11 },
  "aws:ec2/internetGateway:InternetGateway": { create: 1, delete: 15 },
  "aws:ec2/natGateway:NatGateway": { create: 110, delete: 60 },
  "aws:ec2/vpcEndpoint:VpcEndpoint": { create: 60, delete: 30 },
  "aws:ec2/instance:Instance": { create: 15, delete: 40 },
  "aws:ebs/volume:Volume": { create: 10, delete: 10 },
  "aws:ec2/volumeAttachment:VolumeAttachment": { create: 20, delete: 20 },
  "aws:autoscaling/group:Group": { create: 20, delete: 120 },
  "aws:iam/instanceProfile:InstanceProfile": { create: 10 },
  "aws:kms/key:Key": { create: 10 },
  "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": { create: 40, delete: 40 },
};

/** Real seconds for each second of AWS. */
export const timeScale = (): number => Number(process.env["CLOISTER_TIME_SCALE"] ?? "0");

/** Lets the time pass that AWS takes for a thing. */
export async function pass(token: string, what: keyof Takes): Promise<void> {
  const ms = (TAKES[token]?.[what] ?? 0) * timeScale() * 1000;
  if (ms > 0) await sleep(ms);
}
