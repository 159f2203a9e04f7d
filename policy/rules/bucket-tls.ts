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
  check: ({ props }, report) => {
    let isTls = false;
    eachStatementOf(props.at("policy"), ({ effect, actions, principals, hasCondition, condition }) => {
      const everybody = principals.some(({ who }) => who === "*");
      if (effect === "Allow" && everybody && !hasCondition) report("its policy allows something to everybody");
      if (effect !== "Deny" || !everybody || !actions.includes("s3:*")) return;
      if (condition.at("Bool", "aws:SecureTransport").flag() === false) isTls = true;
    });
    if (!isTls) report("its policy does not refuse what comes without TLS");
  },
};
