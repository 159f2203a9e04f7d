/** What the program does not set and AWS tells all the same: which of it is looked at. */
import { at } from "../change-set/differences.ts";
import type { Looked } from "../events/refresh.ts";
import { type Plain, plain } from "../events/values.ts";

/** Outputs whose change is somebody's. All other outputs are computed by AWS, and change by themselves. */
const WATCHED: Readonly<Record<string, readonly string[]>> = {
  "aws:autoscaling/group:Group": [
    "desiredCapacity",
    "loadBalancers",
    "maxSize",
    "minSize",
    "targetGroupArns",
    "trafficSources",
  ],
  "aws:ebs/volume:Volume": ["iops", "multiAttachEnabled", "throughput"],
  "aws:ec2/instance:Instance": [
    "disableApiTermination",
    "iamInstanceProfile",
    "instanceState",
    "publicIp",
    "sourceDestCheck",
    "vpcSecurityGroupIds",
  ],
  "aws:ec2/launchTemplate:LaunchTemplate": ["latestVersion", "defaultVersion"],
  "aws:ec2/subnet:Subnet": ["mapPublicIpOnLaunch"],
  "aws:kms/key:Key": ["enableKeyRotation", "isEnabled"],
  "aws:s3/bucket:Bucket": ["corsRules", "grants", "replicationConfiguration", "website"],
  "aws:secretsmanager/secret:Secret": ["policy"],
};

/** The inputs of a resource, and with them its outputs that are watched. */
export function watchedInputs({ type }: Pick<Looked, "type">, state: Looked["old"]): Record<string, unknown> {
  const found: Record<string, unknown> = { ...state.inputs };
  for (const name of WATCHED[type] ?? [])
    if (found[name] === undefined && state.outputs[name] !== undefined) found[name] = state.outputs[name];
  return found;
}

/** Tells whether the value of a property may be shown because it is watched. A policy's text is not shown. */
export const isWatched = (type: string, path: string): boolean =>
  path !== "policy" && (WATCHED[type] ?? []).includes(/^[A-Za-z0-9_]+/.exec(path)?.[0] ?? "");

/** Something in the account that belongs to a resource of the stack, and is no resource itself. */
export interface Foreign {
  /** The resource that it belongs to. */
  readonly to: Looked;
  readonly path: string;
  readonly what: string;
}

/**
 * Finds rules, routes and policies that no resource of the stack is: somebody added them. The stack has each of its own
 * as a resource, so that a group, a table and a role tell only the others'.
 */
export function foreignIn(resources: readonly Looked[]): Foreign[] {
  return resources.flatMap((looked): Foreign[] => {
    if (!looked.new) return [];
    const outputs = plain(looked.new.outputs);
    const id = looked.old.id;
    switch (looked.type) {
      case "aws:ec2/securityGroup:SecurityGroup":
        return (["ingress", "egress"] as const).flatMap((path) => {
          const own = ownRules(resources, id, path === "ingress" ? "Ingress" : "Egress");
          return rulesOf(at(outputs, path))
            .filter((rule) => !own.has(rule))
            .map((rule) => ({ to: looked, path, what: `rule ${path === "ingress" ? "in" : "out"}: ${rule}` }));
        });
      case "aws:ec2/routeTable:RouteTable": {
        const own = inputsOf(resources, "aws:ec2/route:Route")
          .filter((one) => one["routeTableId"] === id)
          .map((one) => one["destinationCidrBlock"]);
        return list(at(outputs, "routes"))
          .filter((route) => !own.includes(at(route, "cidrBlock") ?? null))
          .map((route) => ({ to: looked, path: "routes", what: `route: ${word(at(route, "cidrBlock"))}` }));
      }
      case "aws:iam/role:Role": {
        const attached = inputsOf(resources, "aws:iam/rolePolicyAttachment:RolePolicyAttachment");
        const inline = inputsOf(resources, "aws:iam/rolePolicy:RolePolicy").filter((one) => one["role"] === id);
        return [
          ...list(at(outputs, "managedPolicyArns"))
            .filter((arn) => !attached.some((one) => one["role"] === id && one["policyArn"] === arn))
            .map((arn) => ({ to: looked, path: "managedPolicyArns", what: `policy: ${word(arn)}` })),
          ...list(at(outputs, "inlinePolicies"))
            .map((one) => at(one, "name"))
            .filter((name) => !inline.some((one) => one["name"] === name))
            .map((name) => ({ to: looked, path: "inlinePolicies", what: `policy in the role: ${word(name)}` })),
        ];
      }
      default:
        return [];
    }
  });
}

function inputsOf(resources: readonly Looked[], type: string): { readonly [key: string]: Plain }[] {
  return resources.flatMap((one) => (one.type === type ? [plain(one.old.inputs) as { [key: string]: Plain }] : []));
}

const list = (value: Plain | undefined): Plain[] => (Array.isArray(value) ? value : []);
const word = (value: Plain | undefined): string => (typeof value === "string" ? value : "(not known)");

/** The rules of the stack for a group, each in the words of {@link rulesOf}. */
function ownRules(resources: readonly Looked[], group: string, direction: "Ingress" | "Egress"): ReadonlySet<string> {
  const type = `aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`;
  const rules = resources.filter((one) => one.type === type && plain(one.old.inputs["securityGroupId"]) === group);
  return new Set(
    // As the state has it and as it is: a rule that somebody changed shows as that rule's change.
    rules
      .flatMap(({ old, new: seen }) => [old, ...(seen ? [seen] : [])])
      .flatMap(({ inputs, outputs }) => {
        const rule = plain({ ...inputs, ...outputs });
        const peers = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"].map((name) =>
          at(rule, name),
        );
        return peers
          .filter((peer) => typeof peer === "string" && peer !== "")
          .flatMap((peer) => (peer === group ? [word(peer), ITSELF] : [word(peer)]))
          .map((peer) => inWords(at(rule, "ipProtocol"), at(rule, "fromPort"), at(rule, "toPort"), peer));
      }),
  );
}

const ITSELF = "the group itself";

/** The rules that a group tells: `tcp 443, 10.0.0.0/16`. */
function rulesOf(value: Plain | undefined): string[] {
  return list(value).flatMap((rule) => {
    const peers = ["cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups"].flatMap((name) =>
      list(at(rule, name)).map(word),
    );
    if (at(rule, "self") === true) peers.push(ITSELF);
    return peers.map((peer) => inWords(at(rule, "protocol"), at(rule, "fromPort"), at(rule, "toPort"), peer));
  });
}

function inWords(protocol: Plain | undefined, from: Plain | undefined, to: Plain | undefined, peer: string): string {
  const ports = String(protocol) === "-1" ? "all" : `${word(protocol)} ${from === to ? from : `${from} to ${to}`}`;
  return `${ports}, ${peer}`;
}
