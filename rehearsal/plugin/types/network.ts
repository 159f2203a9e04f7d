/** Networks: ec2 and vpc. */
import type { IpPermission, Tag } from "@aws-sdk/client-ec2";
import { z } from "zod";
import { ec2, made } from "../clients.ts";
import {
  count,
  flag,
  type ResourceType,
  resource,
  tagChanges,
  tagList,
  tagMap,
  tags,
  text,
  unlessGone,
} from "../resource.ts";

type TagMap = Record<string, string> | undefined;

/** Tags of a new resource, as EC2 takes them. */
export const specified = (type: string, map: TagMap) =>
  map && Object.keys(map).length > 0
    ? { TagSpecifications: [{ ResourceType: type as "vpc", Tags: tagList(map) }] }
    : {};

export async function retag(id: string, olds: TagMap, news: TagMap): Promise<void> {
  const { set, remove } = tagChanges(olds, news);
  const api = await ec2();
  if (remove.length > 0) await api.deleteTags({ Resources: [id], Tags: remove.map((Key) => ({ Key })) });
  if (Object.keys(set).length > 0) await api.createTags({ Resources: [id], Tags: tagList(set) });
}

export const tagged = (list: Tag[] | undefined) => ({ tags: tagMap(list), tagsAll: tagMap(list) });

const vpc = resource({
  inputs: z.strictObject({ cidrBlock: text, enableDnsSupport: flag, enableDnsHostnames: flag, tags }),
  replaceOn: ["cidrBlock"],
  source: "ec2/vpc_.go",
  computed: ["arn", "mainRouteTableId", "defaultSecurityGroupId", "tagsAll"],
  async create(inputs) {
    const api = await ec2();
    const { Vpc } = await api.createVpc({ CidrBlock: inputs.cidrBlock, ...specified("vpc", inputs.tags) });
    const VpcId = made(Vpc?.VpcId);
    await api.modifyVpcAttribute({ VpcId, EnableDnsSupport: { Value: inputs.enableDnsSupport } });
    await api.modifyVpcAttribute({ VpcId, EnableDnsHostnames: { Value: inputs.enableDnsHostnames } });
    return VpcId;
  },
  async read(id) {
    const api = await ec2();
    const found = (await unlessGone(api.describeVpcs({ VpcIds: [id] })))?.Vpcs?.[0];
    if (!found) return undefined;
    const support = await api.describeVpcAttribute({ VpcId: id, Attribute: "enableDnsSupport" });
    const names = await api.describeVpcAttribute({ VpcId: id, Attribute: "enableDnsHostnames" });
    return {
      cidrBlock: found.CidrBlock,
      enableDnsSupport: support.EnableDnsSupport?.Value,
      enableDnsHostnames: names.EnableDnsHostnames?.Value,
      ...tagged(found.Tags),
    };
  },
  async update(id, news, olds) {
    const api = await ec2();
    if (news.enableDnsSupport !== olds.enableDnsSupport)
      await api.modifyVpcAttribute({ VpcId: id, EnableDnsSupport: { Value: news.enableDnsSupport } });
    if (news.enableDnsHostnames !== olds.enableDnsHostnames)
      await api.modifyVpcAttribute({ VpcId: id, EnableDnsHostnames: { Value: news.enableDnsHostnames } });
    await retag(id, olds.tags, news.tags);
  },
  async delete(id) {
    await (await ec2()).deleteVpc({ VpcId: id });
  },
});

const subnet = resource({
  inputs: z.strictObject({
    vpcId: text,
    availabilityZone: text,
    cidrBlock: text,
    mapPublicIpOnLaunch: flag.optional(),
    tags,
  }),
  replaceOn: ["vpcId", "availabilityZone", "cidrBlock"],
  source: "ec2/vpc_subnet.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const api = await ec2();
    const { Subnet } = await api.createSubnet({
      VpcId: inputs.vpcId,
      AvailabilityZone: inputs.availabilityZone,
      CidrBlock: inputs.cidrBlock,
      ...specified("subnet", inputs.tags),
    });
    const SubnetId = made(Subnet?.SubnetId);
    if (inputs.mapPublicIpOnLaunch) await api.modifySubnetAttribute({ SubnetId, MapPublicIpOnLaunch: { Value: true } });
    return SubnetId;
  },
  async read(id) {
    const found = (await unlessGone((await ec2()).describeSubnets({ SubnetIds: [id] })))?.Subnets?.[0];
    return (
      found && {
        arn: found.SubnetArn,
        vpcId: found.VpcId,
        availabilityZone: found.AvailabilityZone,
        cidrBlock: found.CidrBlock,
        mapPublicIpOnLaunch: found.MapPublicIpOnLaunch,
        ...tagged(found.Tags),
      }
    );
  },
  async update(id, news, olds) {
    const api = await ec2();
    if (news.mapPublicIpOnLaunch !== olds.mapPublicIpOnLaunch)
      await api.modifySubnetAttribute({
        SubnetId: id,
        MapPublicIpOnLaunch: { Value: news.mapPublicIpOnLaunch ?? false },
      });
    await retag(id, olds.tags, news.tags);
  },
  async delete(id) {
    await (await ec2()).deleteSubnet({ SubnetId: id });
  },
});

const routeTable = resource({
  inputs: z.strictObject({ vpcId: text, tags }),
  replaceOn: ["vpcId"],
  source: "ec2/vpc_route_table.go",
  computed: ["arn", "routes", "tagsAll"],
  async create(inputs) {
    const { RouteTable } = await (await ec2()).createRouteTable({
      VpcId: inputs.vpcId,
      ...specified("route-table", inputs.tags),
    });
    return RouteTable?.RouteTableId ?? "";
  },
  async read(id) {
    const found = await tableOf(id);
    // As the provider does: without the network's own route, and those of gateway endpoints.
    const own = (found?.Routes ?? []).filter(
      ({ GatewayId, DestinationCidrBlock }) =>
        DestinationCidrBlock !== undefined && GatewayId !== "local" && !GatewayId?.startsWith("vpce-"),
    );
    const routes = own.map((one) => ({
      cidrBlock: one.DestinationCidrBlock,
      gatewayId: one.GatewayId ?? "",
      natGatewayId: one.NatGatewayId ?? "",
    }));
    return found && { vpcId: found.VpcId, routes, ...tagged(found.Tags) };
  },
  update: async (id, news, olds) => await retag(id, olds.tags, news.tags),
  async delete(id) {
    await (await ec2()).deleteRouteTable({ RouteTableId: id });
  },
});

async function tableOf(id: string) {
  return (await unlessGone((await ec2()).describeRouteTables({ RouteTableIds: [id] })))?.RouteTables?.[0];
}

const routeTableAssociation = resource({
  inputs: z.strictObject({ subnetId: text, routeTableId: text }),
  replaceOn: ["subnetId"],
  source: "ec2/vpc_route_table_association.go",
  computed: [],
  async create(inputs) {
    const { AssociationId } = await (await ec2()).associateRouteTable({
      SubnetId: inputs.subnetId,
      RouteTableId: inputs.routeTableId,
    });
    return AssociationId ?? "";
  },
  async read(id) {
    const { RouteTables } = await (await ec2()).describeRouteTables({
      Filters: [{ Name: "association.route-table-association-id", Values: [id] }],
    });
    const found = RouteTables?.flatMap((table) => table.Associations ?? []).find(
      (one) => one.RouteTableAssociationId === id,
    );
    return found && { subnetId: found.SubnetId, routeTableId: found.RouteTableId };
  },
  async update(id, news) {
    // The association gets another id; the provider keeps that, which this stand-in cannot.
    throw new Error(`${id} would be replaced by an association with ${news.routeTableId}: not rehearsed`);
  },
  async delete(id) {
    await (await ec2()).disassociateRouteTable({ AssociationId: id });
  },
});

const route = resource({
  inputs: z.strictObject({
    routeTableId: text,
    destinationCidrBlock: text,
    gatewayId: text.optional(),
    natGatewayId: text.optional(),
  }),
  replaceOn: ["routeTableId", "destinationCidrBlock"],
  source: "ec2/vpc_route.go",
  computed: ["origin", "state"],
  async create(inputs) {
    await (await ec2()).createRoute(routeInput(inputs));
    return `r-${inputs.routeTableId}-${inputs.destinationCidrBlock}`;
  },
  async read(_id, { routeTableId, destinationCidrBlock }) {
    const found = (await tableOf(routeTableId))?.Routes?.find(
      (one) => one.DestinationCidrBlock === destinationCidrBlock,
    );
    return (
      found && {
        ...(found.GatewayId ? { gatewayId: found.GatewayId } : {}),
        ...(found.NatGatewayId ? { natGatewayId: found.NatGatewayId } : {}),
        state: found.State,
      }
    );
  },
  async update(_id, news) {
    await (await ec2()).replaceRoute(routeInput(news));
  },
  async delete(_id, { routeTableId, destinationCidrBlock }) {
    await (await ec2()).deleteRoute({ RouteTableId: routeTableId, DestinationCidrBlock: destinationCidrBlock });
  },
});

const routeInput = (inputs: {
  routeTableId: string;
  destinationCidrBlock: string;
  gatewayId?: string | undefined;
  natGatewayId?: string | undefined;
}) => ({
  RouteTableId: inputs.routeTableId,
  DestinationCidrBlock: inputs.destinationCidrBlock,
  GatewayId: inputs.gatewayId,
  NatGatewayId: inputs.natGatewayId,
});

const internetGateway = resource({
  inputs: z.strictObject({ vpcId: text, tags }),
  replaceOn: [],
  source: "ec2/vpc_internet_gateway.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const api = await ec2();
    const { InternetGateway } = await api.createInternetGateway(specified("internet-gateway", inputs.tags));
    const InternetGatewayId = made(InternetGateway?.InternetGatewayId);
    await api.attachInternetGateway({ InternetGatewayId, VpcId: inputs.vpcId });
    return InternetGatewayId;
  },
  async read(id) {
    const found = (await unlessGone((await ec2()).describeInternetGateways({ InternetGatewayIds: [id] })))
      ?.InternetGateways?.[0];
    return found && { vpcId: found.Attachments?.[0]?.VpcId, ...tagged(found.Tags) };
  },
  async update(id, news, olds) {
    const api = await ec2();
    if (news.vpcId !== olds.vpcId) {
      await api.detachInternetGateway({ InternetGatewayId: id, VpcId: olds.vpcId });
      await api.attachInternetGateway({ InternetGatewayId: id, VpcId: news.vpcId });
    }
    await retag(id, olds.tags, news.tags);
  },
  async delete(id, { vpcId }) {
    const api = await ec2();
    await api.detachInternetGateway({ InternetGatewayId: id, VpcId: vpcId });
    await api.deleteInternetGateway({ InternetGatewayId: id });
  },
});

const eip = resource({
  inputs: z.strictObject({ domain: z.literal("vpc"), tags }),
  replaceOn: ["domain"],
  source: "ec2/ec2_eip.go",
  computed: ["allocationId", "publicIp", "tagsAll"],
  async create(inputs) {
    const { AllocationId } = await (await ec2()).allocateAddress({
      Domain: inputs.domain,
      ...specified("elastic-ip", inputs.tags),
    });
    return AllocationId ?? "";
  },
  async read(id) {
    const found = (await unlessGone((await ec2()).describeAddresses({ AllocationIds: [id] })))?.Addresses?.[0];
    return found && { allocationId: id, publicIp: found.PublicIp, ...tagged(found.Tags) };
  },
  update: async (id, news, olds) => await retag(id, olds.tags, news.tags),
  async delete(id) {
    await (await ec2()).releaseAddress({ AllocationId: id });
  },
});

const natGateway = resource({
  inputs: z.strictObject({ subnetId: text, allocationId: text, tags }),
  replaceOn: ["subnetId", "allocationId"],
  source: "ec2/vpc_nat_gateway.go",
  computed: ["privateIp", "publicIp", "networkInterfaceId", "tagsAll"],
  async create(inputs) {
    const { NatGateway } = await (await ec2()).createNatGateway({
      SubnetId: inputs.subnetId,
      AllocationId: inputs.allocationId,
      ...specified("natgateway", inputs.tags),
    });
    return NatGateway?.NatGatewayId ?? "";
  },
  async read(id) {
    const found = (await unlessGone((await ec2()).describeNatGateways({ NatGatewayIds: [id] })))?.NatGateways?.[0];
    if (!found || found.State === "deleted") return undefined;
    const address = found.NatGatewayAddresses?.[0];
    return {
      subnetId: found.SubnetId,
      allocationId: address?.AllocationId,
      publicIp: address?.PublicIp,
      privateIp: address?.PrivateIp,
      networkInterfaceId: address?.NetworkInterfaceId,
      ...tagged(found.Tags),
    };
  },
  update: async (id, news, olds) => await retag(id, olds.tags, news.tags),
  async delete(id) {
    await (await ec2()).deleteNatGateway({ NatGatewayId: id });
  },
});

const vpcEndpoint = resource({
  inputs: z.strictObject({
    vpcId: text,
    serviceName: text,
    vpcEndpointType: z.enum(["Gateway", "Interface"]),
    privateDnsEnabled: flag.optional(),
    routeTableIds: z.array(text).optional(),
    subnetIds: z.array(text).optional(),
    securityGroupIds: z.array(text).optional(),
    policy: text.optional(),
    tags,
  }),
  replaceOn: ["vpcId", "serviceName", "vpcEndpointType"],
  source: "ec2/vpc_endpoint.go",
  computed: ["arn", "state", "prefixListId", "tagsAll"],
  async create(inputs) {
    const { VpcEndpoint } = await (await ec2()).createVpcEndpoint({
      VpcId: inputs.vpcId,
      ServiceName: inputs.serviceName,
      VpcEndpointType: inputs.vpcEndpointType,
      PrivateDnsEnabled: inputs.privateDnsEnabled,
      RouteTableIds: inputs.routeTableIds,
      SubnetIds: inputs.subnetIds,
      SecurityGroupIds: inputs.securityGroupIds,
      PolicyDocument: inputs.policy,
      ...specified("vpc-endpoint", inputs.tags),
    });
    return VpcEndpoint?.VpcEndpointId ?? "";
  },
  async read(id, state) {
    const found = (await unlessGone((await ec2()).describeVpcEndpoints({ VpcEndpointIds: [id] })))?.VpcEndpoints?.[0];
    if (!found || found.State === "Deleted" || (found.State as string) === "deleted") return undefined;
    return {
      vpcId: found.VpcId,
      serviceName: found.ServiceName,
      vpcEndpointType: found.VpcEndpointType,
      ...(state.privateDnsEnabled === undefined ? {} : { privateDnsEnabled: found.PrivateDnsEnabled }),
      ...(state.routeTableIds ? { routeTableIds: found.RouteTableIds } : {}),
      ...(state.subnetIds ? { subnetIds: found.SubnetIds } : {}),
      ...(state.securityGroupIds ? { securityGroupIds: found.Groups?.map(({ GroupId }) => GroupId) } : {}),
      ...(state.policy === undefined ? {} : { policy: found.PolicyDocument }),
      state: found.State,
      ...tagged(found.Tags),
    };
  },
  async update(id, news, olds) {
    const change = (before: string[] = [], after: string[] = []) => ({
      add: after.filter((one) => !before.includes(one)),
      remove: before.filter((one) => !after.includes(one)),
    });
    const tables = change(olds.routeTableIds, news.routeTableIds);
    const subnets = change(olds.subnetIds, news.subnetIds);
    const groups = change(olds.securityGroupIds, news.securityGroupIds);
    const list = (name: string, values: string[]) => (values.length > 0 ? { [name]: values } : {});
    const changes = {
      ...list("AddRouteTableIds", tables.add),
      ...list("RemoveRouteTableIds", tables.remove),
      ...list("AddSubnetIds", subnets.add),
      ...list("RemoveSubnetIds", subnets.remove),
      ...list("AddSecurityGroupIds", groups.add),
      ...list("RemoveSecurityGroupIds", groups.remove),
      ...(news.policy !== olds.policy && news.policy ? { PolicyDocument: news.policy } : {}),
    };
    if (Object.keys(changes).length > 0) await (await ec2()).modifyVpcEndpoint({ VpcEndpointId: id, ...changes });
    await retag(id, olds.tags, news.tags);
  },
  async delete(id) {
    await (await ec2()).deleteVpcEndpoints({ VpcEndpointIds: [id] });
  },
});

const flowLog = resource({
  inputs: z.strictObject({
    vpcId: text,
    trafficType: z.enum(["ALL", "ACCEPT", "REJECT"]),
    logDestinationType: z.literal("cloud-watch-logs"),
    logDestination: text,
    iamRoleArn: text,
    tags,
  }),
  replaceOn: ["vpcId", "trafficType", "logDestinationType", "logDestination", "iamRoleArn"],
  source: "ec2/vpc_flow_log.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const { FlowLogIds, Unsuccessful } = await (await ec2()).createFlowLogs({
      ResourceIds: [inputs.vpcId],
      ResourceType: "VPC",
      TrafficType: inputs.trafficType,
      LogDestinationType: inputs.logDestinationType,
      LogDestination: inputs.logDestination,
      DeliverLogsPermissionArn: inputs.iamRoleArn,
      ...specified("vpc-flow-log", inputs.tags),
    });
    if (!FlowLogIds?.[0]) throw new Error(`flow log refused: ${Unsuccessful?.[0]?.Error?.Message}`);
    return FlowLogIds[0];
  },
  async read(id) {
    const { FlowLogs } = await (await ec2()).describeFlowLogs({ FlowLogIds: [id] });
    const found = FlowLogs?.[0];
    return (
      found && {
        vpcId: found.ResourceId,
        trafficType: found.TrafficType,
        logDestinationType: found.LogDestinationType,
        logDestination: found.LogDestination,
        iamRoleArn: found.DeliverLogsPermissionArn,
        ...tagged(found.Tags),
      }
    );
  },
  update: async (id, news, olds) => await retag(id, olds.tags, news.tags),
  async delete(id) {
    await (await ec2()).deleteFlowLogs({ FlowLogIds: [id] });
  },
});

const securityGroup = resource({
  inputs: z.strictObject({ name: text, vpcId: text, description: text, tags }),
  autoName: "name",
  replaceOn: ["name", "vpcId", "description"],
  source: "ec2/vpc_security_group.go",
  computed: ["arn", "egress", "ingress", "ownerId", "tagsAll"],
  async create(inputs) {
    const api = await ec2();
    const { GroupId = "" } = await api.createSecurityGroup({
      GroupName: inputs.name,
      VpcId: inputs.vpcId,
      Description: inputs.description,
      ...specified("security-group", inputs.tags),
    });
    made(GroupId);
    // EC2 lets a new group reach everything; the provider takes that away.
    const { SecurityGroups } = await api.describeSecurityGroups({ GroupIds: [GroupId] });
    const IpPermissions = SecurityGroups?.[0]?.IpPermissionsEgress ?? [];
    if (IpPermissions.length > 0)
      await api.revokeSecurityGroupEgress({ GroupId, IpPermissions: IpPermissions.map(bare) });
    return GroupId;
  },
  async read(id) {
    const found = (await unlessGone((await ec2()).describeSecurityGroups({ GroupIds: [id] })))?.SecurityGroups?.[0];
    return (
      found && {
        name: found.GroupName,
        vpcId: found.VpcId,
        description: found.Description,
        ingress: (found.IpPermissions ?? []).flatMap(rulesSeen),
        egress: (found.IpPermissionsEgress ?? []).flatMap(rulesSeen),
        ...tagged(found.Tags),
      }
    );
  },
  update: async (id, news, olds) => await retag(id, olds.tags, news.tags),
  async delete(id) {
    await (await ec2()).deleteSecurityGroup({ GroupId: id });
  },
});

/** All rules of a group as the provider reads them, whoever made them: one for each description. */
function rulesSeen({
  IpProtocol,
  FromPort,
  ToPort,
  IpRanges,
  Ipv6Ranges,
  PrefixListIds,
  UserIdGroupPairs,
}: IpPermission) {
  const sources = [
    ...(IpRanges ?? []).map(({ CidrIp, Description }) => ({ cidrBlocks: [CidrIp], description: Description ?? "" })),
    ...(Ipv6Ranges ?? []).map((one) => ({ ipv6CidrBlocks: [one.CidrIpv6], description: one.Description ?? "" })),
    ...(PrefixListIds ?? []).map((one) => ({ prefixListIds: [one.PrefixListId], description: one.Description ?? "" })),
    ...(UserIdGroupPairs ?? []).map((one) => ({ securityGroups: [one.GroupId], description: one.Description ?? "" })),
  ];
  const empty = { cidrBlocks: [], ipv6CidrBlocks: [], prefixListIds: [], securityGroups: [], self: false };
  const ports = { protocol: IpProtocol, fromPort: FromPort ?? 0, toPort: ToPort ?? 0 };
  return sources.map((source) => ({ ...empty, ...ports, ...source }));
}

/** A permission without what EC2 adds for reading. */
const bare = ({ IpProtocol, FromPort, ToPort, IpRanges }: IpPermission): IpPermission => ({
  IpProtocol,
  FromPort,
  ToPort,
  ...(IpRanges?.length ? { IpRanges: IpRanges.map(({ CidrIp }) => ({ CidrIp })) } : {}),
});

const ruleInputs = z.strictObject({
  securityGroupId: text,
  ipProtocol: z.enum(["tcp", "udp"]),
  fromPort: count,
  toPort: count,
  cidrIpv4: text.optional(),
  prefixListId: text.optional(),
  referencedSecurityGroupId: text.optional(),
  description: text,
  tags,
});
type RuleInputs = z.infer<typeof ruleInputs>;

const permissionOf = (inputs: RuleInputs): IpPermission => ({
  IpProtocol: inputs.ipProtocol,
  FromPort: inputs.fromPort,
  ToPort: inputs.toPort,
  ...(inputs.cidrIpv4 ? { IpRanges: [{ CidrIp: inputs.cidrIpv4, Description: inputs.description }] } : {}),
  ...(inputs.prefixListId
    ? { PrefixListIds: [{ PrefixListId: inputs.prefixListId, Description: inputs.description }] }
    : {}),
  ...(inputs.referencedSecurityGroupId
    ? { UserIdGroupPairs: [{ GroupId: inputs.referencedSecurityGroupId, Description: inputs.description }] }
    : {}),
});

function rule(direction: "ingress" | "egress"): ResourceType {
  return resource<RuleInputs>({
    inputs: ruleInputs,
    replaceOn: ["securityGroupId"],
    source: `ec2/vpc_security_group_${direction}_rule.go`,
    computed: ["arn", "securityGroupRuleId", "tagsAll"],
    async create(inputs) {
      const api = await ec2();
      const request = {
        GroupId: inputs.securityGroupId,
        IpPermissions: [permissionOf(inputs)],
        ...specified("security-group-rule", inputs.tags),
      };
      const { SecurityGroupRules } =
        direction === "egress"
          ? await api.authorizeSecurityGroupEgress(request)
          : await api.authorizeSecurityGroupIngress(request);
      return SecurityGroupRules?.[0]?.SecurityGroupRuleId ?? "";
    },
    async read(id, state) {
      const answer = await unlessGone((await ec2()).describeSecurityGroupRules({ SecurityGroupRuleIds: [id] }));
      const found = answer?.SecurityGroupRules?.[0];
      return (
        found && {
          securityGroupId: found.GroupId,
          ipProtocol: found.IpProtocol,
          fromPort: found.FromPort,
          toPort: found.ToPort,
          ...(found.CidrIpv4 ? { cidrIpv4: found.CidrIpv4 } : {}),
          ...(found.PrefixListId ? { prefixListId: found.PrefixListId } : {}),
          ...(found.ReferencedGroupInfo?.GroupId
            ? { referencedSecurityGroupId: found.ReferencedGroupInfo.GroupId }
            : {}),
          // moto forgets that of a rule which names a group.
          description: found.Description ?? state.description,
          securityGroupRuleId: id,
          ...tagged(found.Tags),
        }
      );
    },
    async update(id, news, olds) {
      await (await ec2()).modifySecurityGroupRules({
        GroupId: news.securityGroupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId: id,
            SecurityGroupRule: {
              IpProtocol: news.ipProtocol,
              FromPort: news.fromPort,
              ToPort: news.toPort,
              CidrIpv4: news.cidrIpv4,
              PrefixListId: news.prefixListId,
              ReferencedGroupId: news.referencedSecurityGroupId,
              Description: news.description,
            },
          },
        ],
      });
      await retag(id, olds.tags, news.tags);
    },
    async delete(id, { securityGroupId }) {
      const api = await ec2();
      const request = { GroupId: securityGroupId, SecurityGroupRuleIds: [id] };
      if (direction === "egress") await api.revokeSecurityGroupEgress(request);
      else await api.revokeSecurityGroupIngress(request);
    },
  });
}

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:ec2/vpc:Vpc": vpc,
  "aws:ec2/subnet:Subnet": subnet,
  "aws:ec2/routeTable:RouteTable": routeTable,
  "aws:ec2/routeTableAssociation:RouteTableAssociation": routeTableAssociation,
  "aws:ec2/route:Route": route,
  "aws:ec2/internetGateway:InternetGateway": internetGateway,
  "aws:ec2/eip:Eip": eip,
  "aws:ec2/natGateway:NatGateway": natGateway,
  "aws:ec2/vpcEndpoint:VpcEndpoint": vpcEndpoint,
  "aws:ec2/flowLog:FlowLog": flowLog,
  "aws:ec2/securityGroup:SecurityGroup": securityGroup,
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule("egress"),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule("ingress"),
};
