import { ResolverFirewallDomainList } from "@pulumi/aws/route53/resolverFirewallDomainList.js";
import { ResolverFirewallRule } from "@pulumi/aws/route53/resolverFirewallRule.js";
import { ResolverFirewallRuleGroup } from "@pulumi/aws/route53/resolverFirewallRuleGroup.js";
import { ResolverFirewallRuleGroupAssociation } from "@pulumi/aws/route53/resolverFirewallRuleGroupAssociation.js";
import * as pulumi from "@pulumi/pulumi";
import type { Tags } from "../tags.ts";

/** Arguments of {@link DnsFirewall}. */
export interface DnsFirewallArgs {
  readonly region: string;
  readonly vpcId: pulumi.Input<string>;
  /** Domains that resolve, such as `api.anthropic.com` or `*.ubuntu.com`. AWS's own of the region are added. */
  readonly domains: readonly string[];
  readonly tags?: Tags;
}

/** Lets the listed domains resolve inside a VPC; all others do not exist there. */
export class DnsFirewall extends pulumi.ComponentResource {
  /** The association with the VPC, which puts the rules into force. */
  readonly association: ResolverFirewallRuleGroupAssociation;

  constructor(name: string, args: DnsFirewallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:DnsFirewall", name, {}, opts);
    const parent = { parent: this };
    const tags = { ...args.tags };
    const group = new ResolverFirewallRuleGroup(name, { tags }, parent);
    const rule = (part: string, priority: number, action: "ALLOW" | "BLOCK", domains: string[]) => {
      const list = new ResolverFirewallDomainList(`${name}-${part}`, { domains, tags }, parent);
      return new ResolverFirewallRule(
        `${name}-${part}`,
        {
          firewallRuleGroupId: group.id,
          firewallDomainListId: list.id,
          priority,
          action,
          ...(action === "BLOCK"
            ? { blockResponse: "NXDOMAIN" }
            : // A listed name may be another's alias, such as a delivery network's, which nobody lists.
              { firewallDomainRedirectionAction: "TRUST_REDIRECTION_DOMAIN" }),
        },
        parent,
      );
    };
    const absolute = (domain: string) => (domain.endsWith(".") ? domain : `${domain}.`).toLowerCase();
    const allowed = rule("allowed", 100, "ALLOW", [`*.${args.region}.amazonaws.com.`, ...args.domains.map(absolute)]);
    const others = rule("others", 200, "BLOCK", ["*."]);
    this.association = new ResolverFirewallRuleGroupAssociation(
      name,
      { firewallRuleGroupId: group.id, vpcId: args.vpcId, priority: 101, tags },
      { parent: this, dependsOn: [allowed, others] },
    );
    this.registerOutputs({});
  }
}
