/**
 * Pins Ubuntu's image for a stack: asks Canonical's public parameter once and writes the answer into the stack's
 * configuration. `npm run aws:ami -- --stack prod`. Changing it later replaces machines, one reviewed line at a time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DescribeImagesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { Command } from "commander";
import { parseDocument } from "yaml";

/** Canonical's parameter (aws-graviton-getting-started, amis_cf_sm.md): for 22.04 the path says gp2, whatever the disk will be. */
export const PARAMETER = "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id";

/** A pinned image, as `cloister:ami` has it. */
export interface PinnedAmi {
  readonly id: string;
  readonly region: string;
  readonly architecture: string;
  readonly owner: string;
  readonly name: string;
}

/** Asks AWS for the image that the parameter names now. */
export async function resolveAmi(region: string): Promise<PinnedAmi> {
  const { Parameter } = await new SSMClient({ region }).send(new GetParameterCommand({ Name: PARAMETER }));
  const id = Parameter?.Value;
  if (!id) throw new Error(`${PARAMETER} has no value in ${region}: is that a region of yours?`);
  const { Images } = await new EC2Client({ region }).send(new DescribeImagesCommand({ ImageIds: [id] }));
  const image = Images?.[0];
  if (!image?.Architecture || !image.OwnerId || !image.Name) throw new Error(`${id} is not to be seen in ${region}.`);
  return { id, region, architecture: image.Architecture, owner: image.OwnerId, name: image.Name };
}

/** A stack's file with the image pinned; all else, comments too, stays. */
export function withAmi(text: string, ami: PinnedAmi): string {
  const document = parseDocument(text);
  document.setIn(["config", "cloister:ami"], document.createNode({ ...ami }));
  return document.toString({ lineWidth: 0 });
}

/** The region that a stack's file names. */
export function regionOf(text: string): string {
  const region = parseDocument(text).getIn(["config", "cloister:region"]);
  if (typeof region !== "string") throw new Error("cloister:region is not set: pulumi config set cloister:region NAME");
  return region;
}

async function main(): Promise<void> {
  const { stack } = new Command("npm run aws:ami --")
    .requiredOption("--stack <name>", "stack whose Pulumi.<name>.yaml is written")
    .parse()
    .opts<{ stack: string }>();
  const path = fileURLToPath(new URL(`../../../Pulumi.${stack}.yaml`, import.meta.url));
  try {
    const text = readFileSync(path, "utf8");
    const ami = await resolveAmi(regionOf(text));
    writeFileSync(path, withAmi(text, ami));
    console.log(`${path}: ${ami.id} (${ami.name}). Review the change and commit it.`);
  } catch (error) {
    console.error(`ami: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

// Not awaited here: bundles of other programs hold this file.
if (process.argv[1] === fileURLToPath(import.meta.url)) void main();
