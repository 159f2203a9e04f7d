import { bytesOf, USER_DATA_LIMIT } from "../../preview/parts/user-data.ts";
import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE } from "../core/types.ts";

export const userDataLimit: ResourceRule = {
  name: "user-data-limit",
  severity: "medium",
  reason: "EC2 refuses user data above its limit, in the deploy and not before it.",
  remedy: "Put less into user data: what is large belongs into the runtime image.",
  link: "docs/architecture.md",
  types: [TEMPLATE, INSTANCE],
  check: ({ type, props }, report, { limits }) => {
    const text = props.at(type === TEMPLATE ? "userData" : "userDataBase64").text();
    if (text === undefined) return;
    const most = USER_DATA_LIMIT - limits.userDataReserve;
    const bytes = bytesOf(text);
    if (bytes > most) report(`user data has ${bytes} bytes, and may have ${most}`);
  },
};
