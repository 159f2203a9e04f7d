import * as pulumi from "@pulumi/pulumi";
import type { Tags } from "../tags.ts";
import { closedBucket } from "./closed-bucket.ts";

/** Arguments of {@link RuntimeBucket}. */
export interface RuntimeBucketArgs {
  readonly keyArn: pulumi.Input<string>;
  /** Lets the bucket go with all that is in it. @default false */
  readonly deleteWithContents?: boolean;
  readonly tags?: Tags;
}

/** Private bucket for runtime images, each under its digest: `runtime/<sha256>.squashfs`. */
export class RuntimeBucket extends pulumi.ComponentResource {
  /** Name of the bucket, known when it is encrypted, versioned and closed. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: RuntimeBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:RuntimeBucket", name, {}, opts);
    const { bucket, arn } = closedBucket(name, args, this);
    this.bucket = bucket;
    this.arn = arn;
    this.registerOutputs({ bucket: this.bucket, arn: this.arn });
  }
}
