import { Eip } from "@pulumi/aws/ec2/eip.js";
import { FlowLog } from "@pulumi/aws/ec2/flowLog.js";
import { getPrefixListOutput } from "@pulumi/aws/ec2/getPrefixList.js";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway.js";
import { NatGateway } from "@pulumi/aws/ec2/natGateway.js";
import { Route } from "@pulumi/aws/ec2/route.js";
import { RouteTable } from "@pulumi/aws/ec2/routeTable.js";
import { RouteTableAssociation } from "@pulumi/aws/ec2/routeTableAssociation.js";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Subnet } from "@pulumi/aws/ec2/subnet.js";
import { Vpc } from "@pulumi/aws/ec2/vpc.js";
import { VpcEndpoint } from "@pulumi/aws/ec2/vpcEndpoint.js";
import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity.js";
import { SecurityGroupEgressRule } from "@pulumi/aws/vpc/securityGroupEgressRule.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import * as pulumi from "@pulumi/pulumi";
import { NETWORK } from "../defaults.ts";
import { type InputProblem, refuseInputs } from "../input-problems.ts";
import type { Tags } from "../tags.ts";
import { DnsFirewall } from "./dns-firewall.ts";
import { endpointPolicy, endpointServices, storagePolicy } from "./endpoints.ts";
import { cidrProblem, hasRange, planSubnets } from "./subnets.ts";

/** Arguments of {@link Network}. */
export interface NetworkArgs {
  readonly region: string;
  /** Two or three zones, by name. */
  readonly zones: readonly string[];
  /** Range of the VPC, /16 to /22. @default 10.20.0.0/16 */
  readonly cidr?: string;
  /**
   * Way out to the internet. A NAT gateway costs about 33 dollars a month, and traffic; one per zone survives the loss of a
   * zone. @default "single"
   */
  readonly nat?: "none" | "single" | "per-zone";
  /** Private way to SSM (and without NAT to logs, secret and signals), about 7 dollars a month per endpoint and zone. @default false */
  readonly ssmEndpoints?: boolean;
  /** For policies of endpoints. @default looked up */
  readonly accountId?: pulumi.Input<string>;
  /** Names of buckets that machines may read without credentials where `nat` is `none`: a mirror's. @default [] */
  readonly packageBuckets?: readonly string[];
  /** Log group and role for flow logs. @default none are made */
  readonly flowLogs?: { readonly logGroupArn: pulumi.Input<string>; readonly roleArn: pulumi.Input<string> };
  /** The only domains that resolve; empty for all. @default [] */
  readonly dnsFirewall?: readonly string[];
  /** A VPC of your own, with a private subnet in every zone. */
  readonly existing?: {
    readonly vpcId: string;
    readonly cidr: string;
    readonly subnetIds: Readonly<Record<string, string>>;
  };
  readonly tags?: Tags;
}

interface PrivateSubnet {
  readonly zone: string;
  readonly id: pulumi.Output<string>;
  readonly tableId: pulumi.Output<string>;
}

/** Private subnets without any way in, and the security group of machines: no inbound rule, HTTPS and DNS out. */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Subnets for machines, by zone. */
  readonly subnetIds: Readonly<Record<string, pulumi.Output<string>>>;
  readonly securityGroupId: pulumi.Output<string>;
  /**
   * Resources that a machine needs from its first moment to its last: routes, endpoints, rules. A machine that starts before them
   * finds no packages and no runtime image; one that ends after them cannot say that it has drained.
   */
  get dependencies(): readonly pulumi.Resource[] {
    return this.#dependencies;
  }
  readonly #dependencies: pulumi.Resource[] = [];
  readonly #name: string;
  readonly #tags: Tags;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Network", name, {}, opts);
    // In one order, so that the order in which they are named means nothing: the first has the only NAT gateway, for example.
    const zones = [...args.zones].sort();
    const { region, cidr, nat, ssmEndpoints, existing, tags = {} } = { ...NETWORK, ...args };
    this.#name = name;
    this.#tags = tags;
    refuseInputs("Network", problemsOf(args, cidr));
    const parent = { parent: this };
    const closed = nat === "none" && !existing;
    // Asked for once, and only where an endpoint needs it.
    let accountId: pulumi.Output<string> | undefined;
    const policy = (of: (account: string) => object) => {
      accountId ??= pulumi.output(args.accountId ?? getCallerIdentityOutput({}, parent).accountId);
      return accountId.apply((id) => JSON.stringify(of(id)));
    };
    if (existing) {
      this.vpcId = pulumi.output(existing.vpcId);
      this.subnetIds = Object.fromEntries(
        zones.map((zone) => [zone, pulumi.output(existing.subnetIds[zone] ?? "") as pulumi.Output<string>]),
      );
    } else {
      const vpc = new Vpc(
        name,
        { cidrBlock: cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: { ...tags, Name: name } },
        parent,
      );
      this.vpcId = vpc.id;
      const plan = planSubnets(cidr, zones);
      const privates = plan.map(({ zone, privateCidr }): PrivateSubnet => {
        const made = this.#subnet(`private-${zone}`, zone, privateCidr);
        return { zone, ...made };
      });
      this.subnetIds = Object.fromEntries(privates.map(({ zone, id }) => [zone, id]));
      if (nat !== "none") this.#natGateways(plan.slice(0, nat === "single" ? 1 : plan.length), privates);
      this.#dependencies.push(
        new VpcEndpoint(
          `${name}-s3`,
          {
            vpcId: vpc.id,
            serviceName: `com.amazonaws.${region}.s3`,
            vpcEndpointType: "Gateway",
            routeTableIds: privates.map(({ tableId }) => tableId),
            // With NAT a policy would not keep data in, and would keep sessions from hosts that they are allowed.
            ...(closed
              ? {
                  policy: policy((account) =>
                    storagePolicy({ account, region, packageBuckets: args.packageBuckets ?? [] }),
                  ),
                }
              : {}),
            tags: this.#named("s3"),
          },
          parent,
        ),
      );
    }
    this.securityGroupId = this.#machines(region, existing?.cidr ?? cidr, closed);
    if (ssmEndpoints && !existing)
      this.#endpoints(region, closed, (service) => policy((account) => endpointPolicy(service, account)));
    if (args.flowLogs) {
      new FlowLog(
        name,
        {
          vpcId: this.vpcId,
          trafficType: "ALL",
          logDestinationType: "cloud-watch-logs",
          logDestination: args.flowLogs.logGroupArn,
          iamRoleArn: args.flowLogs.roleArn,
          tags: { ...tags, Name: name },
        },
        parent,
      );
    }
    if (args.dnsFirewall?.length) {
      const domains = args.dnsFirewall;
      this.#dependencies.push(new DnsFirewall(name, { region, vpcId: this.vpcId, domains, tags }, parent).association);
    }
    this.registerOutputs({ vpcId: this.vpcId, subnetIds: this.subnetIds, securityGroupId: this.securityGroupId });
  }

  #named(part: string): Record<string, string> {
    return { ...this.#tags, Name: `${this.#name}-${part}` };
  }

  #subnet(
    part: string,
    zone: string,
    cidrBlock: string,
  ): { id: pulumi.Output<string>; tableId: pulumi.Output<string> } {
    const parent = { parent: this };
    const name = `${this.#name}-${part}`;
    const { vpcId } = this;
    const tags = this.#named(part);
    const subnet = new Subnet(
      name,
      { vpcId, availabilityZone: zone, cidrBlock, mapPublicIpOnLaunch: false, tags },
      parent,
    );
    const table = new RouteTable(name, { vpcId, tags }, parent);
    this.#dependencies.push(new RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: table.id }, parent));
    return { id: subnet.id, tableId: table.id };
  }

  #natGateways(zones: readonly { zone: string; publicCidr: string }[], privates: readonly PrivateSubnet[]): void {
    const name = this.#name;
    const parent = { parent: this };
    const everywhere = "0.0.0.0/0";
    const internet = new InternetGateway(name, { vpcId: this.vpcId, tags: { ...this.#tags, Name: name } }, parent);
    const gateways = zones.map(({ zone, publicCidr }) => {
      const { id, tableId } = this.#subnet(`public-${zone}`, zone, publicCidr);
      const route = new Route(
        `${name}-public-${zone}`,
        { routeTableId: tableId, destinationCidrBlock: everywhere, gatewayId: internet.id },
        parent,
      );
      const address = new Eip(
        `${name}-${zone}`,
        { domain: "vpc", tags: this.#named(zone) },
        { parent: this, dependsOn: internet },
      );
      return new NatGateway(
        `${name}-${zone}`,
        { subnetId: id, allocationId: address.id, tags: this.#named(zone) },
        { parent: this, dependsOn: route },
      );
    });
    privates.forEach(({ zone, tableId }, i) => {
      const gateway = gateways[i] ?? gateways[0];
      if (!gateway) return;
      this.#dependencies.push(
        new Route(
          `${name}-private-${zone}`,
          { routeTableId: tableId, destinationCidrBlock: everywhere, natGatewayId: gateway.id },
          parent,
        ),
      );
    });
  }

  /** The security group of machines. Without NAT they reach the VPC's endpoints and S3, nothing else. */
  #machines(region: string, range: string, closed: boolean): pulumi.Output<string> {
    const name = `${this.#name}-machines`;
    const parent = { parent: this };
    const group = new SecurityGroup(
      name,
      { vpcId: this.vpcId, description: "Machines: nothing in, HTTPS and DNS out", tags: this.#named("machines") },
      parent,
    );
    const rule = (
      part: string,
      protocol: "tcp" | "udp",
      port: number,
      to: { cidrIpv4: string } | { prefixListId: pulumi.Output<string> },
    ) =>
      this.#dependencies.push(
        new SecurityGroupEgressRule(
          `${name}-${part}`,
          {
            securityGroupId: group.id,
            ipProtocol: protocol,
            fromPort: port,
            toPort: port,
            ...to,
            description: part,
            tags: this.#named(part),
          },
          parent,
        ),
      );
    rule("https", "tcp", 443, { cidrIpv4: closed ? range : "0.0.0.0/0" });
    rule("dns", "udp", 53, { cidrIpv4: range });
    rule("dns-tcp", "tcp", 53, { cidrIpv4: range });
    // Addresses of S3 lie outside the range even where its gateway endpoint serves them; the prefix list has them.
    if (closed) {
      const list = getPrefixListOutput({ name: `com.amazonaws.${region}.s3` }, parent);
      rule("s3", "tcp", 443, { prefixListId: list.id });
    }
    return group.id;
  }

  #endpoints(region: string, closed: boolean, policyOf: (service: string) => pulumi.Output<string>): void {
    const name = `${this.#name}-endpoints`;
    const parent = { parent: this };
    const tags = this.#named("endpoints");
    const group = new SecurityGroup(
      name,
      { vpcId: this.vpcId, description: "Interface endpoints: HTTPS from machines", tags },
      parent,
    );
    const inbound = new SecurityGroupIngressRule(
      name,
      {
        securityGroupId: group.id,
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
        referencedSecurityGroupId: this.securityGroupId,
        description: "machines",
        tags,
      },
      parent,
    );
    this.#dependencies.push(inbound);
    for (const service of endpointServices(closed)) {
      const endpoint = new VpcEndpoint(
        `${this.#name}-${service}`,
        {
          vpcId: this.vpcId,
          serviceName: `com.amazonaws.${region}.${service}`,
          vpcEndpointType: "Interface",
          privateDnsEnabled: true,
          subnetIds: Object.values(this.subnetIds),
          securityGroupIds: [group.id],
          policy: policyOf(service),
          tags: this.#named(service),
        },
        parent,
      );
      this.#dependencies.push(endpoint);
    }
  }
}

function problemsOf({ zones, existing }: NetworkArgs, cidr: string): InputProblem[] {
  const problems: InputProblem[] = [];
  for (const zone of existing ? [] : zones.filter((one) => !hasRange(one)))
    problems.push({ propertyPath: "zones", reason: `has ${zone}, which has no range: letters a to g have` });
  if (zones.length < 2 || zones.length > 3) problems.push({ propertyPath: "zones", reason: "must be two or three" });
  const wrong = existing ? undefined : cidrProblem(cidr);
  if (wrong) problems.push({ propertyPath: "cidr", reason: wrong });
  for (const zone of existing ? zones : []) {
    if (existing?.subnetIds[zone] === undefined) {
      problems.push({ propertyPath: "existing.subnetIds", reason: `has no subnet for ${zone}` });
    }
  }
  return problems;
}
