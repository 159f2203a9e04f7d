import { BOOT_VARIABLES } from "../../contract/boot-environment.ts";
import { type HostApt, MIRROR_VARIABLE, mirrorOf, readHostApt } from "../../images/base/debian/mirror.ts";
import type { Problem, Settings } from "../settings/settings.ts";

/**
 * The mirror from which Debian's stand-in image installs the stack's packages: the one it was built from. Ubuntu's image has
 * mirrors of its own.
 *
 * @returns an empty object where none is needed, or a problem where one is needed and none can be used
 */
export async function debianMirror(
  { packages, baseImage }: Pick<Settings, "packages" | "baseImage">,
  apt: () => Promise<HostApt> = readHostApt,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ debianMirror?: string } | { problem: Problem }> {
  if (packages.length === 0 || baseImage.startsWith("ubuntu-")) return {};
  try {
    const mirror = mirrorOf(await apt(), env);
    if (BOOT_VARIABLES.DEBIAN_MIRROR.test(mirror)) return { debianMirror: mirror };
    return {
      problem: {
        path: "cloister:packages",
        value: JSON.stringify(packages),
        message: `are installed from the mirror of this computer's apt, whose address has characters that user data does not take, or credentials, which it would show. Name another: ${MIRROR_VARIABLE}=http://HOST/debian.`,
      },
    };
  } catch (error) {
    // It may be Ubuntu's image after all.
    if (baseImage === "auto") return {};
    return {
      problem: { path: "cloister:packages", value: JSON.stringify(packages), message: (error as Error).message },
    };
  }
}
