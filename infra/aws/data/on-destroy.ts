import { Command } from "@pulumi/command/local/index.js";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Resources that hold what cannot be made again: session disks, logs, the model's key, runtime images, and the key that reads
 * them all. A bucket that is kept stays closed: what closes it is kept as well (`aws:s3/bucket...`).
 */
const DATA_TYPES =
  /^aws:(ebs\/volume:Volume|s3\/bucket.*|kms\/key:Key|cloudwatch\/logGroup:LogGroup|secretsmanager\/secret:Secret)$/;

/** The handling of data at `pulumi destroy`. */
export type OnDestroy = "refuse" | "keep-data" | "delete-data";

/**
 * A stack transform that keeps data: `refuse` protects it, so that a destroy or a replacement ends with an error; `keep-data` leaves
 * it in the account when the stack goes; `delete-data` lets it go.
 */
export function protectData(onDestroy: OnDestroy): pulumi.ResourceTransform {
  return ({ type, props, opts }) => {
    if (onDestroy === "delete-data" || !DATA_TYPES.test(type)) return undefined;
    return { props, opts: { ...opts, protect: onDestroy === "refuse", retainOnDelete: true } };
  };
}

/**
 * A no-op resource that depends on everything, so that destroy reaches it first. Protected, it makes a refused destroy fail
 * before anything is deleted, also one that skips its preview. The engine's message has its name.
 */
export function destroyGuard(
  onDestroy: OnDestroy,
  all: pulumi.Resource,
  provider: pulumi.ProviderResource,
): pulumi.Resource {
  const opts = { protect: onDestroy === "refuse", dependsOn: all, provider };
  return new Command("cloister-onDestroy", { create: "exit 0" }, opts);
}
