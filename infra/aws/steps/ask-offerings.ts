/** `ask-offerings.ts REGION TYPE...`: the step behind `offerings.ts`. The answer goes to stdout as JSON. */

import { EC2Client, paginateDescribeInstanceTypeOfferings } from "@aws-sdk/client-ec2";
import { awsConnection } from "../../../lib/aws-connection.ts";

const [region = "", ...types] = process.argv.slice(2);
const offered: Record<string, string[]> = Object.fromEntries(types.map((type) => [type, []]));
try {
  const pages = paginateDescribeInstanceTypeOfferings(
    { client: new EC2Client({ region, maxAttempts: 2, ...awsConnection() }) },
    { LocationType: "availability-zone", Filters: [{ Name: "instance-type", Values: types }] },
  );
  for await (const { InstanceTypeOfferings = [] } of pages)
    for (const { InstanceType = "", Location = "" } of InstanceTypeOfferings) offered[InstanceType]?.push(Location);
  process.stdout.write(JSON.stringify(offered));
} catch (error) {
  process.stderr.write(`${(error as Error).name}: ${(error as Error).message.replaceAll("\n", " ")}\n`);
  process.exitCode = 1;
}
