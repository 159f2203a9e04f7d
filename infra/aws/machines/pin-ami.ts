/**
 * Pins Ubuntu's image for a stack: asks Canonical's public parameter once and writes the answer into the stack's
 * configuration. `npm run aws:ami -- --stack prod`. Changing it later replaces machines, one reviewed line at a time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DescribeImagesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { Command, Option } from "commander";
import { parseDocument } from "yaml";
import { awsConnection } from "../../../lib/aws-connection.ts";
import { type ReleaseOnAws, releaseOf, UBUNTU_ON_AWS } from "./ubuntu.ts";

/** A pinned image, as `cloister:ami` has it. */
export interface PinnedAmi {
  readonly id: string;
  readonly region: string;
  readonly architecture: string;
  readonly owner: string;
  readonly name: string;
}

/** Asks AWS for the image that the release's parameter names now. */
export async function resolveAmi(region: string, release: ReleaseOnAws = "ubuntu-22.04"): Promise<PinnedAmi> {
  const { parameter } = UBUNTU_ON_AWS[release];
  const { Parameter } = await new SSMClient({ region, ...awsConnection() }).send(
    new GetParameterCommand({ Name: parameter }),
  );
  const id = Parameter?.Value;
  if (!id) throw new Error(`${parameter} has no value in ${region}: is that a region of yours?`);
  const { Images } = await new EC2Client({ region, ...awsConnection() }).send(
    new DescribeImagesCommand({ ImageIds: [id] }),
  );
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

/** The release of the image that is pinned now; Ubuntu 22.04 where none is. */
export function pinnedRelease(text: string): ReleaseOnAws {
  const name = parseDocument(text).getIn(["config", "cloister:ami", "name"]);
  return releaseOf(typeof name === "string" ? name : "") ?? "ubuntu-22.04";
}

/** The region that a stack's file names. */
export function regionOf(text: string): string {
  const region = parseDocument(text).getIn(["config", "cloister:region"]);
  if (typeof region !== "string") throw new Error("cloister:region is not set: pulumi config set cloister:region NAME");
  return region;
}

async function main(): Promise<void> {
  const { stack, release } = new Command("npm run aws:ami --")
    .requiredOption("--stack <name>", "stack whose Pulumi.<name>.yaml is written")
    .addOption(
      new Option(
        "--release <release>",
        "Ubuntu's release; default: that of the image which is pinned, else 22.04",
      ).choices(Object.keys(UBUNTU_ON_AWS)),
    )
    .parse()
    .opts<{ stack: string; release?: ReleaseOnAws }>();
  const path = fileURLToPath(new URL(`../../../Pulumi.${stack}.yaml`, import.meta.url));
  try {
    const text = readFileSync(path, "utf8");
    const ami = await resolveAmi(regionOf(text), release ?? pinnedRelease(text));
    writeFileSync(path, withAmi(text, ami));
    console.log(`${path}: ${ami.id} (${ami.name}). Review the change and commit it.`);
  } catch (error) {
    console.error(`ami: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

// Not awaited here: bundles of other programs hold this file.
if (process.argv[1] === fileURLToPath(import.meta.url)) void main();
