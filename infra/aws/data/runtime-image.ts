import { Command, Logging } from "@pulumi/command/local/index.js";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/settings.ts";
import type { RuntimeSource } from "../machines/machine-template.ts";
import { releaseOf } from "../machines/ubuntu.ts";

/**
 * Builds the runtime image and puts it into the bucket under its digest. Runs again when the guest's sources change, not when
 * another computer would build other bytes from the same sources: machines are not replaced for that.
 *
 * @param imageKey the image's, by `runtimeImageKey`
 * @param closed machines reach no mirror: the image must carry the packages that they need
 */
export function uploadRuntimeImage(
  { region, accountId, ami }: Pick<Settings, "region" | "accountId" | "ami">,
  imageKey: string,
  bucket: pulumi.Output<string>,
  parent: pulumi.Resource,
  closed = false,
): pulumi.Output<RuntimeSource> {
  const release = releaseOf(ami?.name ?? "");
  // Ubuntu 22.04 is not named: stacks with it have had this resource without.
  const other = release === undefined || release === "ubuntu-22.04" ? undefined : release;
  const command = new Command(
    "runtime-image",
    {
      // No absolute path: it would differ between computers, and each would see a change. Plugins start in the folder of
      // the project or of the program.
      create: "test -d infra || cd ..; exec node --import tsx infra/aws/steps/upload.ts",
      environment: {
        CLOISTER_REGION: region,
        CLOISTER_BUCKET: bucket,
        ...(closed ? { CLOISTER_UBUNTU_PACKAGES: "required" } : {}),
        ...(other ? { CLOISTER_UBUNTU_RELEASE: other } : {}),
        ...(accountId === "" ? {} : { CLOISTER_ACCOUNT: accountId }),
      },
      triggers: [imageKey, bucket, ...(other ? [other] : [])],
      logging: Logging.Stderr,
    },
    { parent },
  );
  return command.stdout.apply((text) => JSON.parse(text) as RuntimeSource);
}
