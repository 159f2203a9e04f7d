import { Command, Logging } from "@pulumi/command/local/index.js";
import * as pulumi from "@pulumi/pulumi";
import { runtimeImageKey } from "../../../images/runtime/key.ts";
import type { RuntimeSource } from "../machines/machine-template.ts";
import { ENTER_PACKAGE } from "../steps/enter.ts";

/** Arguments of {@link RuntimeImage}. */
export interface RuntimeImageArgs {
  /** Region of the bucket. */
  readonly region: string;
  /** Name of the bucket: a {@link RuntimeBucket}'s. */
  readonly bucket: pulumi.Input<string>;
}

/**
 * The runtime image of this package's version, made on this computer when it is first needed, and put into a bucket under
 * its digest. Needs Go and squashfs-tools. For programs that use the components; the program in `infra/` has
 * {@link uploadRuntimeImage}.
 */
export class RuntimeImage extends pulumi.ComponentResource {
  /** Where the image is: a machine's `runtime`. */
  readonly source: pulumi.Output<RuntimeSource>;

  constructor(name: string, args: RuntimeImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:RuntimeImage", name, {}, opts);
    const { region, bucket } = args;
    const upload = new Command(
      name,
      {
        create: `${ENTER_PACKAGE} && exec node --import tsx infra/aws/steps/upload.ts`,
        environment: { CLOISTER_REGION: region, CLOISTER_BUCKET: bucket },
        triggers: [runtimeImageKey({ arch: "arm64" }), bucket],
        logging: Logging.Stderr,
      },
      { parent: this },
    );
    this.source = upload.stdout.apply((text) => JSON.parse(text) as RuntimeSource);
    this.registerOutputs({ source: this.source });
  }
}
