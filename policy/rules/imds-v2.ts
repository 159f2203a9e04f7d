import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE } from "../core/types.ts";

export const imdsV2: ResourceRule = {
  name: "imds-v2",
  severity: "critical",
  reason: "Version 1 of the metadata service gives a machine's credentials to whoever can make it fetch an address.",
  remedy: "Set `metadataOptions.httpTokens` to required.",
  link: "docs/aws-security.md",
  types: [TEMPLATE, INSTANCE],
  check: ({ type, props }, report) => {
    const options = props.at("metadataOptions");
    // A machine takes them from its template.
    if (type === INSTANCE && !options.isSet && props.at("launchTemplate").isSet) return;
    if (options.at("httpTokens").text() !== "required") report("the metadata service answers without a token");
  },
};
