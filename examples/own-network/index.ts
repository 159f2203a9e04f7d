/** A large pool in a VPC that exists: 1,200 machines at most, in three groups. */
import { Encryption, Logs, Network, Pool } from "cloister/aws";
import { shapeOf } from "./shape.ts";

const region = "eu-west-1";
const subnetIds = { [`${region}a`]: "subnet-0123456789abcdef0", [`${region}b`]: "subnet-0123456789abcdef1" };
const { keyArn } = new Encryption("agents", { region });
const logs = new Logs("agents", { prefix: "/cloister/agents", retentionDays: 90, keyArn });
const network = new Network("agents", {
  region,
  zones: Object.keys(subnetIds),
  existing: { vpcId: "vpc-0123456789abcdef0", cidr: "10.0.0.0/16", subnetIds },
});

export const { groups, startSeconds } = new Pool("fleet", {
  shape: shapeOf({ region, keyArn, logs, network }),
  subnetIds: Object.values(network.subnetIds),
  min: 0,
  max: 1200,
  drainSeconds: 1800,
});
