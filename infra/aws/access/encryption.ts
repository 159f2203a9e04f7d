import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity.js";
import { Alias } from "@pulumi/aws/kms/alias.js";
import { Key } from "@pulumi/aws/kms/key.js";
import * as pulumi from "@pulumi/pulumi";
import { partitionOf } from "../partition.ts";
import type { Tags } from "../tags.ts";
import { keyPolicy } from "./policies.ts";

/** Arguments of {@link Encryption}. */
export interface EncryptionArgs {
  readonly region: string;
  /** @default the account of the provider's credentials, which AWS is asked for */
  readonly accountId?: pulumi.Input<string>;
  readonly tags?: Tags;
}

/** One customer key for disks, logs, bucket and secret. It rotates each year. */
export class Encryption extends pulumi.ComponentResource {
  readonly keyArn: pulumi.Output<string>;

  constructor(name: string, args: EncryptionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Encryption", name, {}, opts);
    const { region, tags = {} } = args;
    const parent = { parent: this };
    const accountId = pulumi.output(args.accountId ?? getCallerIdentityOutput({}, parent).accountId);
    const key = new Key(
      name,
      {
        description: `cloister ${name}: disks, logs, runtime images, model key`,
        enableKeyRotation: true,
        deletionWindowInDays: 30,
        policy: accountId.apply((account) => JSON.stringify(keyPolicy(account, region, partitionOf(region)))),
        tags: { ...tags },
      },
      parent,
    );
    new Alias(name, { name: `alias/cloister/${name}`, targetKeyId: key.keyId }, parent);
    this.keyArn = key.arn;
    this.registerOutputs({ keyArn: this.keyArn });
  }
}
