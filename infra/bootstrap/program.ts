/** The program that makes an account ready for stacks: `cloister bootstrap`. */
import { OpenIdConnectProvider } from "@pulumi/aws/iam/openIdConnectProvider.js";
import { Policy } from "@pulumi/aws/iam/policy.js";
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import { Alias } from "@pulumi/aws/kms/alias.js";
import { Key } from "@pulumi/aws/kms/key.js";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { boundaryPolicy } from "../aws/access/boundary-policy.ts";
import { type Policy as Document, KNOWN_TYPES, managedPolicies } from "../aws/access/deployer-policy.ts";
import { operatorPolicy } from "../aws/access/operator-policy.ts";
import { previewPolicy } from "../aws/access/preview-policy.ts";
import { closedBucket } from "../aws/data/closed-bucket.ts";
import { partitionOf } from "../aws/partition.ts";
import { type Inputs, inputsSchema } from "./inputs.ts";
import { KEY_ALIAS, POLICIES, ROLES } from "./names.ts";
import { accountDeployerPolicy, stateBucketStatements, stateKeyPolicy } from "./state.ts";
import { audienceOf, deployerSubjects, previewSubjects, trustOf } from "./trust.ts";

/** Outputs of the account's own stack. */
export interface BootstrapOutputs {
  readonly bucket: string;
  readonly secretsProvider: string;
  readonly boundary: string;
  readonly deployerRole: string;
  readonly previewRole: string;
  readonly operatorPolicy: string;
}

/** The program, run by `main.mjs`. */
export default function program(): Promise<Record<keyof BootstrapOutputs, pulumi.Input<string>>> {
  const inputs = inputsSchema.parse(JSON.parse(new pulumi.Config().require("inputs")));
  return Promise.resolve(account(inputs));
}

function account(inputs: Inputs): Record<keyof BootstrapOutputs, pulumi.Input<string>> {
  const { accountId, region } = inputs;
  const partition = partitionOf(region);
  const aws = new Provider("aws", { region: region as "us-east-1", allowedAccountIds: [accountId] });
  const tags = { "cloister:bootstrap": "true" };
  const component = new pulumi.ComponentResource("cloister:bootstrap:Account", "account", {}, { providers: [aws] });
  const opts = { parent: component };
  // All stacks' state is in it: it goes by hand alone.
  const kept = { ...opts, protect: true, retainOnDelete: true };

  const key = new Key(
    "state",
    {
      description: "cloister: Pulumi's state, and the secrets in it",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: JSON.stringify(stateKeyPolicy(inputs)),
      tags,
    },
    kept,
  );
  new Alias("state", { name: KEY_ALIAS, targetKeyId: key.keyId }, kept);
  const state = new pulumi.ComponentResource("cloister:bootstrap:State", "state", {}, kept);
  const { bucket } = closedBucket(
    "state",
    {
      bucket: inputs.bucket,
      keyArn: key.arn,
      oldVersionsDays: 365,
      statements: (arn) => stateBucketStatements(inputs, arn),
      tags,
    },
    state,
  );

  const managed = (name: string, description: string, policy: pulumi.Input<object>): Policy =>
    new Policy(
      name,
      { name, description, policy: pulumi.output(policy).apply((one) => JSON.stringify(one)), tags },
      opts,
    );
  const boundary = managed(POLICIES.boundary, "Bounds every role that deployers make", boundaryPolicy(region));
  /** The parts of a policy that needs the key, whose ARN is not known yet: all keys' ARNs have one length. */
  const inParts = (name: string, description: string, made: (stateKey: string) => Document): Policy[] => {
    const example = `arn:${partition}:kms:${region}:${accountId}:key/00000000-0000-0000-0000-000000000000`;
    return managedPolicies(made(example)).map((_, i) => {
      const part = key.arn.apply((arn) => managedPolicies(made(arn))[i] ?? {});
      return managed(`${name}-${i + 1}`, description, part);
    });
  };
  const deployer = inParts(POLICIES.deployer, "Deploys stacks of cloister", (stateKey) =>
    accountDeployerPolicy(inputs, stateKey),
  );
  const preview = inParts(POLICIES.preview, "Previews stacks of cloister, and changes nothing", (stateKey) =>
    previewPolicy(KNOWN_TYPES, region, { stateBucket: inputs.bucket, stateKey }),
  );
  const operator = managed(
    POLICIES.operator,
    "Root on the machines of all stacks of cloister in this region",
    operatorPolicy({ partition, region }),
  );

  const forge = inputs.hasProvider
    ? []
    : [
        new OpenIdConnectProvider(
          "forge",
          { url: `https://${inputs.forgeHost}`, clientIdLists: [audienceOf(inputs)], tags },
          opts,
        ),
      ];
  const role = (name: string, description: string, subjects: readonly string[], policies: readonly Policy[]): Role => {
    const assumeRolePolicy = JSON.stringify(trustOf(inputs, subjects));
    const made = new Role(name, { name, description, assumeRolePolicy, tags }, { ...opts, dependsOn: forge });
    for (const [i, { arn }] of policies.entries())
      new RolePolicyAttachment(`${name}-${i + 1}`, { role: made.name, policyArn: arn }, opts);
    return made;
  };
  const deploys = role(ROLES.deployer, "Deploys stacks of cloister", deployerSubjects(inputs), deployer);
  const previews = role(ROLES.preview, "Previews stacks of cloister", previewSubjects(inputs), preview);
  return {
    bucket,
    secretsProvider: `awskms://${KEY_ALIAS}?region=${region}`,
    boundary: boundary.arn,
    deployerRole: deploys.arn,
    previewRole: previews.arn,
    operatorPolicy: operator.arn,
  };
}
