import { Listr } from "listr2";
import { chosenBaseImage, ensureBaseImage } from "../../images/base/index.ts";
import { ensureRuntimeImage } from "../../images/runtime/index.ts";
import { debsReleaseOf } from "../../images/runtime/ubuntu/releases.ts";
import type { Architecture } from "../../infra/local/qemu.ts";
import type { Settings } from "../../infra/settings/settings.ts";
import type { Report } from "../../lib/store.ts";
import { ensureSystemPackages } from "../../lib/system/index.ts";
import { ensureToolchain, type Toolchain } from "../../toolchain/index.ts";
import { LISTR_OPTIONS } from "./progress.ts";

/**
 * Gets all parts of a machine, in parallel where one does not need another. All of them go into the cache, where
 * `pulumi up` finds them.
 *
 * @param progress where and how the parts are told. Default: on standard output
 */
export async function prepare(
  architecture: Architecture,
  baseImage: Settings["baseImage"],
  progress: typeof LISTR_OPTIONS = LISTR_OPTIONS,
): Promise<Toolchain> {
  const found: { toolchain?: Toolchain } = {};
  const into =
    (task: { output: string }): Report =>
    (line) => {
      task.output = line;
    };
  await new Listr(
    [
      {
        title: "System packages",
        task: async (_ctx, task) => await ensureSystemPackages({ arch: architecture, report: into(task) }),
      },
      {
        title: "Parts",
        task: (_ctx, task) =>
          task.newListr(
            [
              {
                title: "Pulumi",
                task: async (_inner, part) => {
                  found.toolchain = await ensureToolchain({ report: into(part), deep: false });
                  part.title = `Pulumi ${found.toolchain.version}: ${found.toolchain.why}`;
                },
              },
              {
                title: "Base image",
                task: async (_inner, part) => {
                  const image = await ensureBaseImage({ arch: architecture, choice: baseImage, report: into(part) });
                  part.title = `Base image ${image.name}: ${image.why}`;
                },
              },
              {
                title: "Runtime image",
                task: async (_inner, part) => {
                  const base = await chosenBaseImage({ arch: architecture, choice: baseImage });
                  const ubuntuRelease = debsReleaseOf(base);
                  const image = await ensureRuntimeImage({
                    arch: architecture,
                    report: into(part),
                    ...(ubuntuRelease ? { ubuntuPackages: "when-reachable", ubuntuRelease } : {}),
                  });
                  part.title = `Runtime image sha256:${image.digest.slice(0, 12)}, ${Math.round(image.size / 2 ** 20)} MiB`;
                },
              },
            ],
            { concurrent: true, exitOnError: true },
          ),
      },
    ],
    progress,
  ).run();
  if (!found.toolchain) throw new Error("no Pulumi was found or made");
  return found.toolchain;
}
