/** DNS Firewall: route53resolver. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { made, resolver } from "../clients.ts";
import { count, type ResourceType, resource, tagList, tagMap, tags, text, unlessGone } from "../resource.ts";

const tagsOf = async (arn: string | undefined) => {
  const { Tags } = await (await resolver()).listTagsForResource({ ResourceArn: arn ?? "" });
  return { tags: tagMap(Tags), tagsAll: tagMap(Tags) };
};

const domainList = resource({
  inputs: z.strictObject({ name: text.max(64), domains: z.array(text), tags }),
  autoName: "name",
  replaceOn: ["name"],
  source: "route53resolver/firewall_domain_list.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const api = await resolver();
    const { FirewallDomainList } = await api.createFirewallDomainList({
      CreatorRequestId: randomUUID(),
      Name: inputs.name,
      Tags: tagList(inputs.tags),
    });
    const id = made(FirewallDomainList?.Id);
    await api.updateFirewallDomains({ FirewallDomainListId: id, Operation: "ADD", Domains: inputs.domains });
    return id;
  },
  async read(id) {
    const api = await resolver();
    const found = (await unlessGone(api.getFirewallDomainList({ FirewallDomainListId: id })))?.FirewallDomainList;
    if (!found) return undefined;
    const { Domains } = await api.listFirewallDomains({ FirewallDomainListId: id });
    return { name: found.Name, arn: found.Arn, domains: Domains, ...(await tagsOf(found.Arn)) };
  },
  async update(id, news) {
    await (await resolver()).updateFirewallDomains({
      FirewallDomainListId: id,
      Operation: "REPLACE",
      Domains: news.domains,
    });
  },
  async delete(id) {
    await (await resolver()).deleteFirewallDomainList({ FirewallDomainListId: id });
  },
});

const ruleGroup = resource({
  inputs: z.strictObject({ name: text.max(64), tags }),
  autoName: "name",
  replaceOn: ["name"],
  source: "route53resolver/firewall_rule_group.go",
  computed: ["arn", "ownerId", "shareStatus", "tagsAll"],
  async create(inputs) {
    const { FirewallRuleGroup } = await (await resolver()).createFirewallRuleGroup({
      CreatorRequestId: randomUUID(),
      Name: inputs.name,
      Tags: tagList(inputs.tags),
    });
    return FirewallRuleGroup?.Id ?? "";
  },
  async read(id) {
    const found = (await unlessGone((await resolver()).getFirewallRuleGroup({ FirewallRuleGroupId: id })))
      ?.FirewallRuleGroup;
    return found && { name: found.Name, arn: found.Arn, ...(await tagsOf(found.Arn)) };
  },
  async delete(id) {
    await (await resolver()).deleteFirewallRuleGroup({ FirewallRuleGroupId: id });
  },
});

const ruleInputs = z.strictObject({
  name: text.max(64),
  firewallRuleGroupId: text,
  firewallDomainListId: text,
  priority: count,
  action: z.enum(["ALLOW", "BLOCK"]),
  blockResponse: text.optional(),
  firewallDomainRedirectionAction: text.optional(),
});

const rule = resource({
  inputs: ruleInputs,
  autoName: "name",
  replaceOn: ["firewallRuleGroupId", "firewallDomainListId"],
  source: "route53resolver/firewall_rule.go",
  computed: [],
  async create(inputs) {
    await (await resolver()).createFirewallRule({
      CreatorRequestId: randomUUID(),
      Name: inputs.name,
      FirewallRuleGroupId: inputs.firewallRuleGroupId,
      FirewallDomainListId: inputs.firewallDomainListId,
      Priority: inputs.priority,
      Action: inputs.action,
      BlockResponse: inputs.blockResponse as "NXDOMAIN",
      FirewallDomainRedirectionAction: inputs.firewallDomainRedirectionAction as "TRUST_REDIRECTION_DOMAIN",
    });
    return `${inputs.firewallRuleGroupId}:${inputs.firewallDomainListId}`;
  },
  async read(_id, state) {
    const { FirewallRules } = await (await resolver()).listFirewallRules({
      FirewallRuleGroupId: state.firewallRuleGroupId,
    });
    const found = FirewallRules?.find((one) => one.FirewallDomainListId === state.firewallDomainListId);
    return (
      found && {
        name: found.Name,
        priority: found.Priority,
        action: found.Action,
        ...(found.BlockResponse ? { blockResponse: found.BlockResponse } : {}),
        ...(found.FirewallDomainRedirectionAction
          ? { firewallDomainRedirectionAction: found.FirewallDomainRedirectionAction }
          : {}),
      }
    );
  },
  async update(_id, news) {
    await (await resolver()).updateFirewallRule({
      FirewallRuleGroupId: news.firewallRuleGroupId,
      FirewallDomainListId: news.firewallDomainListId,
      Name: news.name,
      Priority: news.priority,
      Action: news.action,
      BlockResponse: news.blockResponse as "NXDOMAIN",
      FirewallDomainRedirectionAction: news.firewallDomainRedirectionAction as "TRUST_REDIRECTION_DOMAIN",
    });
  },
  async delete(_id, { firewallRuleGroupId, firewallDomainListId }) {
    await (await resolver()).deleteFirewallRule({
      FirewallRuleGroupId: firewallRuleGroupId,
      FirewallDomainListId: firewallDomainListId,
    });
  },
});

const association = resource({
  inputs: z.strictObject({ name: text.max(64), firewallRuleGroupId: text, vpcId: text, priority: count, tags }),
  autoName: "name",
  replaceOn: ["firewallRuleGroupId", "vpcId"],
  source: "route53resolver/firewall_rule_group_association.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const { FirewallRuleGroupAssociation } = await (await resolver()).associateFirewallRuleGroup({
      CreatorRequestId: randomUUID(),
      Name: inputs.name,
      FirewallRuleGroupId: inputs.firewallRuleGroupId,
      VpcId: inputs.vpcId,
      Priority: inputs.priority,
      Tags: tagList(inputs.tags),
    });
    return FirewallRuleGroupAssociation?.Id ?? "";
  },
  async read(id) {
    const api = await resolver();
    const answer = await unlessGone(api.getFirewallRuleGroupAssociation({ FirewallRuleGroupAssociationId: id }));
    const found = answer?.FirewallRuleGroupAssociation;
    return (
      found && {
        name: found.Name,
        arn: found.Arn,
        firewallRuleGroupId: found.FirewallRuleGroupId,
        vpcId: found.VpcId,
        priority: found.Priority,
        ...(await tagsOf(found.Arn)),
      }
    );
  },
  async delete(id) {
    await (await resolver()).disassociateFirewallRuleGroup({ FirewallRuleGroupAssociationId: id });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": domainList,
  "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": ruleGroup,
  "aws:route53/resolverFirewallRule:ResolverFirewallRule": rule,
  "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": association,
};
