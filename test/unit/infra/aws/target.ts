import { providersFor } from "../../../../infra/aws/providers.ts";
import { AwsTarget } from "../../../../infra/aws/target.ts";
import type { Settings } from "../../../../infra/settings/settings.ts";

/** A whole stack, whose runtime image is in its bucket already. Call it under mocks. */
export function newTarget(settings: Settings, stack = "dev"): AwsTarget {
  return new AwsTarget("aws", {
    settings,
    stack,
    providers: providersFor(settings),
    runtimeImage: (bucket) =>
      bucket.apply((name) => ({
        digest: "ab".repeat(32),
        size: 99_999_999,
        region: settings.region,
        bucket: name,
        key: `runtime/${"ab".repeat(32)}.squashfs`,
      })),
  });
}
