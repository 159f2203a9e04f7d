import {
  GetRoleCommand,
  IAMClient,
  ListOpenIDConnectProvidersCommand,
  paginateListPolicies,
} from "@aws-sdk/client-iam";
import { HeadBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Inputs } from "../../infra/bootstrap/inputs.ts";
import { POLICIES, PROJECT, ROLES } from "../../infra/bootstrap/names.ts";
import { clientSettings, wantsPathStyle } from "../aws/clients.ts";
import { asked } from "../aws/errors.ts";
import { OperatorError } from "../errors.ts";

/** What is in the account before anything is done. */
export interface Found {
  readonly bucket: "none" | "there" | "with the account's state";
  /** Roles and policies of our names that the account has: there is one of each in an account. */
  readonly taken: readonly string[];
  /** True when the account trusts the forge already, and that was not said. */
  readonly trusts: boolean;
}

/**
 * Tells why a run would make a second of something, or stop half-way.
 *
 * @param hasHere an earlier run from here has left a state of this account and bucket
 * @returns nothing when the run may go on
 */
export function inTheWay({ bucket, taken, trusts }: Found, hasHere: boolean, inputs: Inputs): string | undefined {
  if (bucket === "with the account's state" || hasHere) return undefined;
  if (bucket === "there")
    return `--bucket ${inputs.bucket}: the bucket is there, and this program did not make it, or not from this computer. Take another name; or, if a run from another computer was interrupted, run the command there again.`;
  const problems = [
    ...(taken.length === 0
      ? []
      : [
          `it has ${inWords(taken)} already, and one account takes one of each, whatever the region. If cloister bootstrap made it ready before, write the --bucket and --region of that time, or, for another region, use another account. If a run from another computer was interrupted, run the command there again. If people made it ready, go on by hand (docs/aws-reference.md#the-deployers-policy).`,
        ]),
    ...(trusts
      ? [`it trusts ${inputs.forgeHost} already, and takes one such provider: write --existing-provider.`]
      : []),
  ];
  return problems.length === 0
    ? undefined
    : `--account ${inputs.accountId}: ${problems.join("\nAnd ")}\nNothing was made.`;
}

const inWords = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/**
 * Looks whether the credentials are those of the account, and how far an earlier run came.
 *
 * @throws OperatorError for another account, and for a bucket of somebody else's
 */
export async function lookAt(inputs: Inputs): Promise<Found> {
  const { accountId, region } = inputs;
  const { Account = "", Arn = "" } = await asked(
    "AWS does not say whose credentials these are",
    async () => await new STSClient(clientSettings(region)).send(new GetCallerIdentityCommand({})),
  );
  if (Account !== accountId)
    throw new OperatorError(
      `--account ${accountId}: the credentials are those of ${Arn}. Sign in to that account, or write ${Account}.`,
    );
  const [bucket, taken] = await Promise.all([bucketIn(inputs), takenIn(inputs)]);
  return { bucket, ...taken };
}

async function takenIn(inputs: Inputs): Promise<Pick<Found, "taken" | "trusts">> {
  const iam = new IAMClient(clientSettings(inputs.region));
  const roleIn = async (RoleName: string): Promise<string[]> =>
    await iam.send(new GetRoleCommand({ RoleName })).then(
      () => [`the role ${RoleName}`],
      (error: { name: string }) => {
        if (/^NoSuchEntity(?:Exception)?$/.test(error.name)) return [];
        throw error;
      },
    );
  const policies = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { Policies = [] } of paginateListPolicies({ client: iam }, { Scope: "Local" }))
      found.push(...Policies.flatMap(({ PolicyName = "" }) => (OURS.test(PolicyName) ? [PolicyName] : [])));
    return found.sort().map((name) => `the policy ${name}`);
  };
  const trusts = async (): Promise<boolean> => {
    if (inputs.hasProvider) return false;
    const { OpenIDConnectProviderList: all = [] } = await iam.send(new ListOpenIDConnectProvidersCommand({}));
    return all.some(({ Arn = "" }) => Arn.endsWith(`:oidc-provider/${inputs.forgeHost}`));
  };
  return await asked("roles and policies of the account cannot be read", async () => {
    const [roles, named, isTrusted] = await Promise.all([
      Promise.all(Object.values(ROLES).map(roleIn)),
      policies(),
      trusts(),
    ]);
    return { taken: [...roles.flat(), ...named], trusts: isTrusted };
  });
}

/** Names of the policies that the program makes. Two of them come in parts. */
const OURS = new RegExp(
  `^(?:${POLICIES.boundary}|${POLICIES.operator}|(?:${POLICIES.deployer}|${POLICIES.preview})-\\d+)$`,
);

async function bucketIn({ accountId, region, bucket }: Inputs): Promise<Found["bucket"]> {
  const s3 = new S3Client({ ...clientSettings(region), forcePathStyle: wantsPathStyle() });
  const mine = { Bucket: bucket, ExpectedBucketOwner: accountId };
  const isThere = await s3.send(new HeadBucketCommand(mine)).then(
    () => true,
    (error: { name: string; $metadata?: { httpStatusCode?: number } }) => {
      const status = error.$metadata?.httpStatusCode;
      if (status === 404) return false;
      if (status === 403 || status === 301)
        throw new OperatorError(
          `--bucket ${bucket}: is there already, in ${status === 301 ? "another region" : "another account, or not to be read with these credentials"}. Names of buckets are unique in all of AWS: take another.`,
        );
      throw error;
    },
  );
  if (!isThere) return "none";
  const Prefix = `.pulumi/stacks/${PROJECT}/`;
  const { KeyCount = 0 } = await asked(
    "the bucket cannot be read",
    async () => await s3.send(new ListObjectsV2Command({ ...mine, Prefix, MaxKeys: 1 })),
  );
  return KeyCount > 0 ? "with the account's state" : "there";
}
