import type { ResourceRule } from "../core/rule.ts";
import { GROUP, INSTANCE } from "../core/types.ts";
import { each } from "../core/value.ts";

export const templateVersion: ResourceRule = {
  name: "template-version",
  severity: "high",
  reason:
    "A group with $Latest does not change with its template: no refresh starts, and machines differ by their age.",
  remedy: "Give the template's `latestVersion` as the version.",
  link: "docs/aws-reference.md",
  types: [GROUP, INSTANCE],
  check: ({ props }, report) => {
    const mixed = props.at("mixedInstancesPolicy", "launchTemplate");
    const all = [props.at("launchTemplate"), mixed.at("launchTemplateSpecification")].filter((one) => one.isSet);
    each(
      [
        ...all,
        ...mixed
          .at("overrides")
          .list()
          .map((one) => one.at("launchTemplateSpecification")),
      ],
      (template) => {
        if (!template.isSet) return;
        const version = template.at("version").text() ?? String(template.at("version").number() ?? "$Default");
        if (!/^\d+$/.test(version)) report(`the version of its template is ${version}`);
      },
    );
  },
};
