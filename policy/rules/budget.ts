import type { StackRule } from "../core/rule.ts";
import { BUDGET } from "../core/types.ts";
import { each } from "../core/value.ts";

export const budget: StackRule = {
  name: "budget",
  severity: "medium",
  reason: "A pool that grows by mistake is noticed on the day and not on the bill.",
  remedy: "Set `cloister:budget` with the amount and the address that hears of it.",
  link: "docs/config.md",
  checkStack: (resources, report, { limits }) => {
    if (!limits.budgetRequired) return false;
    const all = resources.filter(({ type }) => type === BUDGET);
    if (all.length === 0) report("the stack has no budget");
    each(all, (one) => {
      if (one.props.at("notifications").list().length === 0) report("nobody hears of the budget", one);
    });
    return undefined;
  },
};
