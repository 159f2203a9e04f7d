import type { StackRule } from "../core/rule.ts";
import { ALARM, INSTANCE } from "../core/types.ts";

export const alarms: StackRule = {
  name: "alarms",
  severity: "medium",
  reason: "A machine whose host fails is started elsewhere, without anybody's doing.",
  remedy: "Make machines by the component NamedMachine, which has its alarm.",
  link: "docs/operating.md",
  checkStack: (resources, report, { limits }) => {
    const machines = resources.filter(({ type }) => type === INSTANCE);
    if (!limits.alarmsRequired || machines.length === 0) return false;
    for (const machine of machines) {
      // A machine's id is not known in a preview; its alarm lies beside it.
      const beside = resources.filter(({ type, parent }) => type === ALARM && parent === machine.parent);
      const acts = beside.some(
        ({ props }) => props.at("alarmActions").list().length > 0 && props.at("actionsEnabled").flag() !== false,
      );
      if (!acts) report("no alarm does something when the machine's host fails", machine);
    }
    return undefined;
  },
};
