import type { ResourceRule } from "../core/rule.ts";
import { EIP, INSTANCE, SUBNET, TEMPLATE } from "../core/types.ts";
import { each } from "../core/value.ts";

export const noPublicAddress: ResourceRule = {
  name: "no-public-address",
  severity: "critical",
  reason: "Machines are reached by SSM alone: none has an address that the internet reaches.",
  remedy: "Set `associatePublicIpAddress` to false, and give no machine an elastic address.",
  link: "docs/aws-security.md",
  types: [TEMPLATE, INSTANCE, SUBNET, EIP],
  check: ({ type, props }, report) => {
    if (type === SUBNET && props.at("mapPublicIpOnLaunch").flag() === true) report("the subnet gives public addresses");
    if (type === EIP) {
      for (const key of ["instance", "networkInterface"])
        if (props.at(key).isSet) report("the elastic address is a machine's");
    }
    if (type === INSTANCE && props.at("associatePublicIpAddress").flag() === true)
      report("the machine gets a public address");
    if (type !== TEMPLATE) return;
    const cards = props.at("networkInterfaces").list();
    // Without a card, the subnet decides.
    if (cards.length === 0) report("the template leaves it to the subnet whether machines get public addresses");
    each(cards, (card) => {
      if (card.at("associatePublicIpAddress").flag() !== false) report("machines of the template get a public address");
    });
  },
};
