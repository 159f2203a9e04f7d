import { instanceTypeFacts } from "../../infra/aws/plan/graviton.ts";
import type { ResourceRule } from "../core/rule.ts";
import { GROUP, INSTANCE, TEMPLATE } from "../core/types.ts";
import { each, type Value } from "../core/value.ts";

export const graviton: ResourceRule = {
  name: "graviton",
  severity: "medium",
  reason: "A machine is the reference's only on a processor that has all CPU features of the reference.",
  remedy: "Choose a type of Graviton4 or newer, such as c8g.xlarge.",
  link: "docs/aws-reference.md",
  types: [TEMPLATE, INSTANCE, GROUP],
  check: ({ type, props }, report) => {
    const look = (of: Value): void => {
      const name = of.text();
      if (name === undefined) return;
      const { generation, lacks } = instanceTypeFacts(name);
      if (generation === undefined) report(`${name} is no Graviton type`);
      else if (lacks.length > 0) report(`${name} lacks CPU features of the reference: ${lacks.join(", ")}`);
    };
    if (type !== GROUP) return look(props.at("instanceType"));
    const overrides = props.at("mixedInstancesPolicy", "launchTemplate", "overrides").list();
    each(overrides, (override) => look(override.at("instanceType")));
  },
};
