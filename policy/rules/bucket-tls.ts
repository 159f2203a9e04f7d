import { outsidersIn } from "../core/outsiders.ts";
import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf } from "../core/statements.ts";
import { BUCKET_POLICY } from "../core/types.ts";

export const bucketTls: ResourceRule = {
  name: "bucket-tls",
  severity: "high",
  reason: "A bucket answers by TLS alone, and its policy opens it to nobody outside of the account.",
  remedy: "Deny all actions where `aws:SecureTransport` is false, and allow no `*` without a condition.",
  link: "docs/aws-security.md",
  types: [BUCKET_POLICY],
  check: ({ props }, report, world) => {
    let isTls = false;
    eachStatementOf(props.at("policy"), (statement) => {
      const { effect, actions, principals, hasCondition, condition } = statement;
      for (const who of outsidersIn(statement, world)) report(`its policy allows something to ${who}`);
      if (effect !== "Deny" || !principals.some(({ who }) => who === "*") || !actions.includes("s3:*")) return;
      if (!hasCondition) report("its policy refuses everything to everybody: nobody reads the bucket");
      if (!hasCondition || condition.at("Bool", "aws:SecureTransport").flag() === false) isTls = true;
    });
    if (!isTls) report("its policy does not refuse what comes without TLS");
  },
};
