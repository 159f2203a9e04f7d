import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE } from "../core/types.ts";

export const imdsHopLimit: ResourceRule = {
  name: "imds-hop-limit",
  severity: "high",
  reason: "With a limit of one hop no answer of the metadata service passes a bridge or a container's network.",
  remedy: "Set `metadataOptions.httpPutResponseHopLimit` to 1.",
  link: "docs/aws-security.md",
  types: [TEMPLATE, INSTANCE],
  check: ({ type, props }, report) => {
    const options = props.at("metadataOptions");
    if (type === INSTANCE && !options.isSet && props.at("launchTemplate").isSet) return;
    const hops = options.at("httpPutResponseHopLimit").number();
    if (hops !== 1) report(`answers of the metadata service go ${hops ?? "an unset number of"} hops`);
  },
};
