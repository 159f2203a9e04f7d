import { refusesAll } from "../../preview/data/mends.ts";
import { outsidersIn } from "../core/outsiders.ts";
import type { ResourceRule } from "../core/rule.ts";
import { eachStatementOf } from "../core/statements.ts";
import { BUCKET_POLICY } from "../core/types.ts";

/** Reading what is in a bucket, and changing its policy. */
const MENDED_BY = ["s3:getobject", "s3:putbucketpolicy"];

export const bucketTls: ResourceRule = {
  name: "bucket-tls",
  severity: "high",
  reason: "A bucket answers by TLS alone, and its policy opens it to nobody outside of the account.",
  remedy: "Deny all actions where `aws:SecureTransport` is false, and close `*` by `aws:PrincipalAccount`.",
  link: "docs/aws-security.md",
  types: [BUCKET_POLICY],
  check: ({ props }, report, world) => {
    let isTls = false;
    eachStatementOf(props.at("policy"), (statement) => {
      const { effect, actions, principals, hasCondition, condition } = statement;
      for (const who of outsidersIn(statement, world)) report(`its policy allows something to ${who}`);
      if (MENDED_BY.some((action) => refusesAll([statement], action)))
        report("its policy refuses everything to everybody: nobody reads or mends the bucket");
      const isAll = actions.some((one) => one === "*" || one.toLowerCase() === "s3:*");
      if (effect !== "Deny" || !isAll || !principals.some(({ who }) => who === "*")) return;
      // A further condition would leave the others without TLS.
      const isOnly = condition.entries().length === 1 && condition.at("Bool").entries().length === 1;
      if (!hasCondition || (isOnly && condition.at("Bool", "aws:SecureTransport").flag() === false)) isTls = true;
    });
    if (!isTls) report("its policy does not refuse what comes without TLS");
  },
};
