import type { ResourceRule } from "../core/rule.ts";
import { INGRESS, OLD_RULE, SECURITY_GROUP } from "../core/types.ts";

export const noInboundRule: ResourceRule = {
  name: "no-inbound-rule",
  severity: "critical",
  reason: "Nothing comes in: a machine asks, and is asked by nobody.",
  remedy: "Remove the rule. Endpoints take HTTPS from the machines' security group, and from no range of addresses.",
  link: "docs/aws-security.md",
  types: [INGRESS, OLD_RULE, SECURITY_GROUP],
  check: ({ type, props }, report) => {
    if (type === SECURITY_GROUP) {
      if (props.at("ingress").list().length > 0) report("the security group lets something in");
      return;
    }
    if (type === OLD_RULE) {
      if (props.at("type").text() === "ingress") report("the rule lets something in");
      return;
    }
    const fromGroup = props.at("referencedSecurityGroupId").isSet;
    const wide = ["cidrIpv4", "cidrIpv6", "prefixListId"].filter((key) => props.at(key).isSet);
    if (!fromGroup || wide.length > 0) report("the rule lets in a range of addresses");
    const [protocol, from, to] = [
      props.at("ipProtocol").text(),
      props.at("fromPort").number(),
      props.at("toPort").number(),
    ];
    if (protocol !== "tcp" || from !== 443 || to !== 443) report("the rule lets in more than HTTPS");
  },
};
