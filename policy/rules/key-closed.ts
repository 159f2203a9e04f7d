import { outsidersIn } from "../core/outsiders.ts";
import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf } from "../core/statements.ts";
import { KEY } from "../core/types.ts";

/** Actions by which a key's policy is changed again. */
const MENDS = /^(?:\*|kms:\*|kms:Put\*|kms:PutKeyPolicy)$/i;

export const keyClosed: ResourceRule = {
  name: "key-closed",
  severity: "critical",
  reason:
    "Whoever may use the key reads all that it encrypts, and a key that nobody may change is lost to the account.",
  remedy: "Allow nothing to `*` without a condition, and leave `kms:PutKeyPolicy` to the account.",
  link: "docs/aws-security.md",
  types: [KEY],
  check: ({ props }, report, world) => {
    // Without a policy of its own a key has AWS's: its account may use and change it.
    if (!props.at("policy").isSet) return;
    let isKept = false;
    eachStatementOf(props.at("policy"), (statement) => {
      for (const who of outsidersIn(statement, world)) report(`its policy allows something to ${who}`);
      if (statement.effect === "Allow" && statement.actions.some((one) => MENDS.test(one))) isKept = true;
    });
    if (!isKept) report("its policy lets nobody change it");
  },
};
