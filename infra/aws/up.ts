import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings/settings.ts";
import type { Outputs, UpContext } from "../up.ts";
import { PUBLIC_MIRROR } from "./defaults.ts";
import { isClosed } from "./plan/problems/network.ts";
import { awsWarnings } from "./plan/warnings.ts";
import { providersFor } from "./providers.ts";
import { refusals } from "./refusals.ts";

/** Registers a stack on AWS. Refuses what is wrong with it first. */
export async function up(settings: Settings, context: UpContext): Promise<Outputs> {
  context.refuse(await refusals(settings, context));
  for (const warning of awsWarnings(settings, new Date())) void pulumi.log.warn(warning);
  const providers = providersFor(settings, context.early?.command);
  // Their plugins start while the rest of the program is loaded, once the engine has heard of them.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const imageKey = await warnOfMissingImage();
  const { AwsTarget } = await import("./target.ts");
  const { protectData } = await import("./data/on-destroy.ts");
  const { uploadRuntimeImage } = await import("./data/runtime-image.ts");
  // A transform costs a round trip for each resource: it is registered only where it has work.
  if (settings.onDestroy !== "delete-data") pulumi.runtime.registerResourceTransform(protectData(settings.onDestroy));
  return new AwsTarget("aws", {
    settings,
    stack: context.stack,
    providers,
    runtimeImage: (bucket, parent) => uploadRuntimeImage(settings, imageKey, bucket, parent, needsPackages(settings)),
  }).outputs;
}

/** True when machines reach no mirror, and the runtime image must carry all packages that they need. */
function needsPackages({ network, aptMirror }: Settings): boolean {
  return isClosed(network) && aptMirror === PUBLIC_MIRROR;
}

/**
 * Warns where this computer cannot make the runtime image, and returns the image's key. It refuses nothing: a stack whose
 * image is in its bucket needs none of it, and the program cannot see that.
 */
async function warnOfMissingImage(): Promise<string> {
  const { runtimeImageKey } = await import("../../images/runtime/key.ts");
  const { missingForRuntimeImage } = await import("../../images/runtime/missing.ts");
  const imageKey = runtimeImageKey({ arch: "arm64" });
  for (const lack of await missingForRuntimeImage(imageKey))
    void pulumi.log.warn(`${lack} Until then this computer can bring up no new stack and no change of the guest.`);
  return imageKey;
}
