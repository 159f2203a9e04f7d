import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Problem, Settings } from "../../settings/settings.ts";
import { METADATA_TAG } from "../component.ts";
import { PUBLIC_MIRROR } from "../defaults.ts";
import { bucketOf } from "../network/endpoints.ts";
import { cidrProblem, overlap } from "../network/subnets.ts";
import { instanceTypeFacts } from "./graviton.ts";

/** Canonical's account, which publishes Ubuntu's images (Ubuntu on AWS documentation). */
export const CANONICAL = "099720109477";
/** Root of Ubuntu's cloud image, in GiB: a smaller disk cannot be made from it. */
const IMAGE_GIB = 8;

/** The zones of a stack: as configured, or the region's first two. */
export function zonesOf(settings: Pick<Settings, "region" | "zones">): string[] {
  return settings.zones.length > 0 ? [...settings.zones] : ["a", "b"].map((letter) => settings.region + letter);
}

/** Keys from which what is said of a key follows as well. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  zones: ["region"],
  ami: ["region"],
  machines: ["region", "zones"],
  network: ["region", "zones", "aptMirror"],
  aptMirror: ["network"],
};

/**
 * Everything about an AWS stack that is wrong, found without asking AWS.
 *
 * @param wrong keys, or parts of their values, that were refused already and are not in the settings
 */
export function awsProblems(settings: Settings, stack: string, wrong: readonly string[] = []): Problem[] {
  const lies = (one: string, within: string): boolean => one === within || one.startsWith(`${within}.`);
  return allProblems(settings, stack, wrong).filter(({ path }) => {
    const own = path.replace("cloister:", "");
    const also = ALSO[own.split(".")[0] ?? ""] ?? [];
    return !wrong.some((one) => lies(own, one) || lies(one, own) || also.some((key) => lies(one, key)));
  });
}

function allProblems(settings: Settings, stack: string, refused: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const bad = (key: string, value: unknown, message: string): void => {
    const text = value === undefined ? {} : { value: JSON.stringify(value) };
    problems.push({ path: `cloister:${key}`, ...text, message });
  };
  const { region, ami, network } = settings;
  // Names of groups, log groups and buckets begin with it.
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(stack))
    problems.push({
      path: "the stack's name",
      value: JSON.stringify(stack),
      message:
        "must be at most 20 lower-case letters, digits or hyphens on AWS, which makes names of it. Rename it: pulumi stack rename NAME",
    });
  if (region === "")
    bad("region", undefined, "is missing. Write, for example: pulumi config set cloister:region eu-central-1");
  const zones = zonesOf(settings);
  if (zones.length < 2 || zones.length > 3) bad("zones", zones, "must be two or three.");
  if (new Set(zones).size !== zones.length) bad("zones", zones, "names a zone twice.");
  for (const zone of zones) {
    if (region !== "" && !(zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length))))
      bad("zones", zone, `is no zone of ${region}. Write names such as ${region}a.`);
  }
  if (ami === null) bad("ami", undefined, "is missing. Pin one: npm run ami -- --stack NAME");
  else {
    if (region !== "" && ami.region !== region)
      bad("ami.region", ami.region, `is not the stack's region (${region}). Pin another: npm run ami -- --stack NAME`);
    if (ami.architecture !== "arm64")
      bad("ami.architecture", ami.architecture, "must be arm64: Graviton runs nothing else.");
    if (ami.owner !== CANONICAL) bad("ami.owner", ami.owner, `must be ${CANONICAL}, Canonical's account.`);
    if (!ami.name.includes("ubuntu-jammy-22.04")) bad("ami.name", ami.name, "must be an image of Ubuntu 22.04.");
  }
  if (settings.architecture === "amd64")
    bad("architecture", "amd64", 'must be "host" or "arm64" on AWS: machines are Graviton.');
  if (settings.rootDiskGiB < IMAGE_GIB)
    bad("rootDiskGiB", settings.rootDiskGiB, `must be at least ${IMAGE_GIB}, what the image needs.`);
  const named = [...Object.keys(settings.machines), ...Object.keys(settings.pools)];
  if (named.length === 0 && !refused.some((one) => /^(machines|pools)\b/.test(one)))
    bad("machines", undefined, "names no machine, and cloister:pools no pool. Write one of them.");
  const type = (key: string, value: string): void => {
    const { generation, lacks } = instanceTypeFacts(value);
    if (generation === undefined)
      bad(key, value, "is no Graviton instance type. Write c8g.xlarge, or another of c8g, m8g, r8g.");
    else if (lacks.length > 0)
      bad(
        key,
        value,
        `is Graviton${generation}, which lacks ${lacks.join(", ")} of the reference. Write c8g, m8g or r8g (Graviton4) or newer.`,
      );
  };
  type("instanceType", settings.instanceType);
  for (const [name, machine] of Object.entries(settings.machines)) {
    if (machine.instanceType !== undefined) type(`machines.${name}.instanceType`, machine.instanceType);
    if (machine.zone !== undefined && !zones.includes(machine.zone))
      bad(`machines.${name}.zone`, machine.zone, `is none of cloister:zones (${zones.join(", ")}).`);
  }
  for (const [name, pool] of Object.entries(settings.pools)) {
    const path = `pools.${name}`;
    if (pool.instanceType !== undefined) type(`${path}.instanceType`, pool.instanceType);
    for (const more of pool.spot?.instanceTypes ?? []) type(`${path}.spot.instanceTypes`, more);
    if (pool.min > pool.max) bad(`${path}.min`, pool.min, `is above max (${pool.max}).`);
    if (pool.desired !== undefined && (pool.desired < pool.min || pool.desired > pool.max))
      bad(`${path}.desired`, pool.desired, `must be from min (${pool.min}) to max (${pool.max}).`);
    if (pool.warmPool && pool.spot)
      bad(`${path}.warmPool`, pool.warmPool, "does not go with Spot machines: remove one of the two.");
    for (const [when, at] of Object.entries(pool.schedules)) {
      if (at.min > at.max || at.desired < at.min || at.desired > at.max)
        bad(`${path}.schedules.${when}`, at, "must have min <= desired <= max.");
    }
    if (name in settings.machines) bad(path, name, "is the name of a machine too. Rename one of them.");
  }
  const wrong = cidrProblem(network.existing?.cidr ?? network.cidr);
  if (network.existing === undefined) {
    if (wrong) bad("network.cidr", network.cidr, `${wrong}.`);
    for (const peer of network.peerCidrs) {
      if (!/^[\d.]+\/\d+$/.test(peer)) bad("network.peerCidrs", peer, "must be an IPv4 range.");
      else if (!wrong && overlap(network.cidr, peer))
        bad("network.cidr", network.cidr, `overlaps ${peer}. Write a range that is free.`);
    }
  } else {
    for (const zone of zones) {
      if (network.existing.subnetIds[zone] === undefined)
        bad("network.existing.subnetIds", network.existing.subnetIds, `has no subnet for ${zone}.`);
    }
    const yours = "has no effect with network.existing, whose routes and endpoints are yours. Remove it.";
    if (network.nat !== "single") bad("network.nat", network.nat, yours);
    if (network.ssmEndpoints) bad("network.ssmEndpoints", true, yours);
    if (network.dnsFirewall.length > 0)
      bad(
        "network.dnsFirewall",
        network.dnsFirewall,
        "would hold for everything in network.existing's VPC. Remove it, and give that VPC a firewall where you make it.",
      );
  }
  const closed = network.existing === undefined && network.nat === "none";
  if (closed && !network.ssmEndpoints)
    bad(
      "network.nat",
      "none",
      "leaves machines without a way to SSM. Set network.ssmEndpoints to true, or nat to single.",
    );
  const mirror = new URL(settings.aptMirror).hostname;
  const pattern = (domain: string) => domain.replace(/\.$/, "").toLowerCase();
  const resolves = (domain: string) =>
    domain.startsWith("*.") ? mirror.endsWith(pattern(domain).slice(1)) : mirror === pattern(domain);
  if (closed && settings.aptMirror === PUBLIC_MIRROR)
    bad(
      "aptMirror",
      settings.aptMirror,
      "cannot be reached with network.nat none, and machines install packages at first boot. Write a mirror that the VPC leads to (a bucket of the region), or set network.nat to single.",
    );
  if (closed && /\.amazonaws\.com(\.cn)?$/.test(mirror) && bucketOf(settings.aptMirror) === undefined)
    bad(
      "aptMirror",
      settings.aptMirror,
      "names no bucket, and with network.nat none S3's endpoint lets through what it knows by name. Write https://BUCKET.s3.REGION.amazonaws.com/PATH.",
    );
  if (network.dnsFirewall.length > 0 && ![...network.dnsFirewall, `*.${region}.amazonaws.com`].some(resolves))
    bad("network.dnsFirewall", network.dnsFirewall, `lacks ${mirror}, the host of cloister:aptMirror. Add it.`);
  for (const key of Object.keys(settings.tags)) {
    if (/^(aws|cloister):/i.test(key)) bad("tags", key, "must not begin with aws: or cloister:, which are taken.");
    else if (Object.keys(settings.pools).length > 0 && !METADATA_TAG.test(key))
      bad(
        "tags",
        key,
        "must be letters, digits and + - = . , _ : @ only: a pool's machines read their tags, which EC2 then limits so.",
      );
  }
  return problems;
}

/** What the edge found about credentials: none are needed to plan, and the provider's own message comes late and per resource. */
export function credentialsProblem(
  environment: Readonly<Record<string, string | undefined>>,
  hasSharedFiles: boolean,
): Problem | undefined {
  const names = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  ];
  if (hasSharedFiles || names.some((name) => environment[name])) return undefined;
  if (environment["AWS_EC2_METADATA_DISABLED"] !== "true" && environment["CLOISTER_INSTANCE_ROLE"] === "true")
    return undefined;
  return {
    path: "AWS credentials",
    message:
      "none were found. Sign in (aws sso login, with AWS_PROFILE set) or set AWS_ACCESS_KEY_ID; on an EC2 instance with a role set CLOISTER_INSTANCE_ROLE=true.",
  };
}

/** Whether there are the files in which AWS's tools keep credentials. Looks at this computer. */
export function hasSharedCredentials(environment: Readonly<Record<string, string | undefined>>): boolean {
  const file = (variable: string, name: string) => environment[variable] ?? join(homedir(), ".aws", name);
  return (
    existsSync(file("AWS_SHARED_CREDENTIALS_FILE", "credentials")) || existsSync(file("AWS_CONFIG_FILE", "config"))
  );
}
