/** A pool of Spot machines that is larger by day, with one on-demand machine as its base. */
import { Encryption, Logs, Network, Pool } from "cloister/aws";
import { shapeOf } from "./shape.ts";

const region = "us-east-1";
const { keyArn } = new Encryption("agents", { region });
const logs = new Logs("agents", { prefix: "/cloister/agents", retentionDays: 7, keyArn });
const network = new Network("agents", { region, zones: [`${region}a`, `${region}b`, `${region}c`], nat: "per-zone" });

export const { groups } = new Pool("workers", {
  shape: shapeOf({ region, keyArn, logs, network }),
  subnetIds: Object.values(network.subnetIds),
  min: 1,
  max: 40,
  spot: { onDemandBase: 1, onDemandPercent: 0, instanceTypes: ["m8g.xlarge", "r8g.xlarge"] },
  schedules: { day: { cron: "0 7 * * 1-5", timeZone: "Europe/Berlin", min: 10, max: 40, desired: 10 } },
});
