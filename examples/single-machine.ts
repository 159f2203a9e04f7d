/** One named machine in a network of its own: the least that makes sense. */
import { Encryption } from "../infra/aws/access/encryption.ts";
import { NamedMachine } from "../infra/aws/machines/named-machine.ts";
import { Network } from "../infra/aws/network/network.ts";
import { Logs } from "../infra/aws/watch/logs.ts";
import { shapeOf } from "./shape.ts";

const region = "eu-central-1";
const zones = [`${region}a`, `${region}b`];
const { keyArn } = new Encryption("agents", { region });
const logs = new Logs("agents", { prefix: "/cloister/agents", retentionDays: 30, keyArn });
const network = new Network("agents", { region, zones });

export const { shellCommand } = new NamedMachine("ada", {
  shape: shapeOf({ region, keyArn, logs, network }),
  zone: `${region}a`,
  subnetId: network.subnetIds[`${region}a`] ?? "",
});
