/** The step behind a named machine's session disk: takes it from the instance that had it before. */
import { setTimeout as sleep } from "node:timers/promises";
import { EC2 } from "@aws-sdk/client-ec2";
import { awsConnection } from "../../../lib/aws-connection.ts";
import { handOver } from "../machines/hand-over.ts";

const variable = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this step belongs to a named machine of the AWS target`);
  return value;
};

await handOver(new EC2({ region: variable("CLOISTER_REGION"), maxAttempts: 5, ...awsConnection() }), {
  volume: variable("CLOISTER_VOLUME"),
  instance: variable("CLOISTER_INSTANCE"),
  say: (line) => void process.stderr.write(`${line}\n`),
  wait: async (ms) => await sleep(ms),
});
