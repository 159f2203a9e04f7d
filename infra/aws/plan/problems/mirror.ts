import type { Problem } from "../../../settings/settings.ts";
import { PUBLIC_MIRROR } from "../../defaults.ts";
import { bucketOf } from "../../network/endpoints.ts";
import { type Checked, problem } from "./found.ts";
import { isClosed } from "./network.ts";

/** Problems of the mirror of packages, which machines must reach and whose name must resolve. */
export function mirrorProblems({ settings }: Checked): Problem[] {
  const found: Problem[] = [];
  const { aptMirror, network, region, packages } = settings;
  const host = new URL(aptMirror).hostname;
  const closed = isClosed(network);
  // What every machine has comes with the runtime image.
  if (closed && aptMirror === PUBLIC_MIRROR && packages.length === 0) return [];
  if (closed && aptMirror === PUBLIC_MIRROR)
    found.push(
      problem(
        "aptMirror",
        aptMirror,
        "cannot be reached with network.nat none, and machines install cloister:packages from it at first boot. Write a mirror that the VPC leads to (a bucket of the region), or set network.nat to single, or remove cloister:packages.",
      ),
    );
  if (closed && /\.amazonaws\.com(\.cn)?$/.test(host) && bucketOf(aptMirror) === undefined)
    found.push(
      problem(
        "aptMirror",
        aptMirror,
        "names no bucket, and with network.nat none S3's endpoint lets through what it knows by name. Write https://BUCKET.s3.REGION.amazonaws.com/PATH.",
      ),
    );
  const domains = [...network.dnsFirewall, `*.${region}.amazonaws.com`];
  if (network.dnsFirewall.length > 0 && !domains.some((domain) => covers(domain, host)))
    found.push(
      problem("network.dnsFirewall", network.dnsFirewall, `lacks ${host}, the host of cloister:aptMirror. Add it.`),
    );
  return found;
}

/** Tells whether a domain of the DNS firewall, such as `*.ubuntu.com`, lets a host resolve. */
export function covers(domain: string, host: string): boolean {
  const name = domain.replace(/\.$/, "").toLowerCase();
  return name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name;
}
