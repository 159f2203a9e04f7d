import { mendersIn } from "../../preview/data/mends.ts";
import { outsidersIn } from "../core/outsiders.ts";
import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf, type Statement } from "../core/statements.ts";
import { KEY } from "../core/types.ts";
import { Undecided } from "../core/value.ts";

export const keyClosed: ResourceRule = {
  name: "key-closed",
  severity: "critical",
  reason:
    "Whoever may use the key reads all that it encrypts, and a key that nobody may change is lost to the account.",
  remedy:
    "Close `*` by `aws:PrincipalAccount` or `kms:CallerAccount`, and leave `kms:PutKeyPolicy` to the account's root.",
  link: "docs/aws-security.md",
  types: [KEY],
  check: ({ props }, report, world) => {
    // Without a policy of its own a key has AWS's: its account may use and change it.
    if (!props.at("policy").isSet) return;
    const all: Statement[] = [];
    eachStatementOf(props.at("policy"), (statement) => {
      for (const who of outsidersIn(statement, world)) report(`its policy allows something to ${who}`);
      all.push(statement);
    });
    const { roots, named } = mendersIn(all, "kms:putkeypolicy");
    const own = world.config["cloister:accountId"] ?? "";
    const isKept =
      own === "" ? roots.length > 0 : [...roots, ...named].some((account) => account === "*" || account === own);
    if (isKept) return;
    // A role may be another account's, or be gone: only the account's number tells.
    if (own === "" && named.length > 0) throw new Undecided(props.at("policy").path);
    report("its policy lets nobody change it");
  },
};
