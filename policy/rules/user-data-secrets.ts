import { textOf } from "../../preview/parts/user-data.ts";
import { looksSecret } from "../../preview/secrets/scrub.ts";
import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE } from "../core/types.ts";

export const userDataSecrets: ResourceRule = {
  name: "user-data-secrets",
  severity: "critical",
  reason: "Whoever may describe instances reads their user data, and so does everything on the machine.",
  remedy: "Take it out and make it invalid: it has been in the state. Secrets come from Secrets Manager.",
  link: "docs/aws-security.md",
  types: [TEMPLATE, INSTANCE],
  check: ({ type, props }, report) => {
    for (const key of type === TEMPLATE ? ["userData"] : ["userData", "userDataBase64"]) {
      const given = props.at(key).text();
      if (given === undefined) continue;
      const text = textOf(given);
      if (text === undefined) report("user data cannot be decoded, so that nobody knows what is in it");
      else if (looksSecret(text) || looksSecret(given)) report("something in user data looks like a credential");
    }
  },
};
