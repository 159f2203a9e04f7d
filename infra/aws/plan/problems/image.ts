import type { Problem } from "../../../settings/settings.ts";
import { releaseOf } from "../../machines/ubuntu.ts";
import { partitionOf } from "../../partition.ts";
import { type Checked, problem } from "./found.ts";

/** Canonical's accounts, which publish Ubuntu's images, by partition (Ubuntu on AWS documentation). */
const CANONICAL: Readonly<Record<string, string>> = { aws: "099720109477", "aws-us-gov": "513442679011" };
/** Root of Ubuntu's cloud image, in GiB: a smaller disk cannot be made from it. */
const IMAGE_GIB = 8;

/** Problems of the image, and of what must fit it: architecture and root disk. */
export function imageProblems({ settings }: Checked): Problem[] {
  const found: Problem[] = [];
  const { region, ami } = settings;
  if (ami === null) found.push(problem("ami", undefined, "is missing. Pin one: npm run aws:ami -- --stack NAME"));
  else {
    if (region !== "" && ami.region !== region)
      found.push(
        problem(
          "ami.region",
          ami.region,
          `is not the stack's region (${region}). Pin another: npm run aws:ami -- --stack NAME`,
        ),
      );
    if (ami.architecture !== "arm64")
      found.push(problem("ami.architecture", ami.architecture, "must be arm64: Graviton runs nothing else."));
    const canonical = CANONICAL[partitionOf(region)];
    if (canonical !== undefined && ami.owner !== canonical)
      found.push(problem("ami.owner", ami.owner, `must be ${canonical}, Canonical's account.`));
    if (releaseOf(ami.name) === undefined)
      found.push(problem("ami.name", ami.name, "must be an image of Ubuntu 22.04 or 24.04."));
  }
  if (settings.architecture === "amd64")
    found.push(problem("architecture", "amd64", 'must be "host" or "arm64" on AWS: machines are Graviton.'));
  if (settings.rootDiskGiB < IMAGE_GIB)
    found.push(problem("rootDiskGiB", settings.rootDiskGiB, `must be at least ${IMAGE_GIB}, what the image needs.`));
  return found;
}
