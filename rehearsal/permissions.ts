/** Simulates IAM's decisions. For tests and tools: the simulator's licence is AGPL. */
import { runSimulation } from "@cloud-copilot/iam-simulate";

export interface Asked {
  readonly principal: string;
  /** Identity policies of the principal. */
  readonly policy: object;
  readonly action: string;
  /** ARN; `*` for any. */
  readonly resource: string;
  /** The resource's own policy; a key's must allow what is done with it. */
  readonly resourcePolicy?: object;
  readonly context?: Readonly<Record<string, string>>;
}

/** The policy of a key that leaves it to IAM of the account who may use it, as a new key's does. */
export const LEFT_TO_IAM = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { AWS: "arn:aws:iam::123456789012:root" }, Action: "kms:*", Resource: "*" },
  ],
};

/** True when policies allow an action. An action that does not exist, or a resource it does not know, is an error. */
export async function allowed(asked: Asked): Promise<boolean> {
  const { principal, policy, action, resource, resourcePolicy, context = {} } = asked;
  const result = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: "123456789012" },
        contextVariables: { ...context },
      },
      identityPolicies: [{ name: "policy", policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resourcePolicy ? { resourcePolicy } : {}),
    },
    {},
  );
  if (result.resultType === "error") throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`);
  return result.overallResult === "Allowed";
}
