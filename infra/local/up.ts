import type { Settings } from "../settings/settings.ts";
import type { Outputs, UpContext } from "../up.ts";
import { LocalMachine } from "./machine.ts";
import { pathsOf } from "./paths.ts";
import { hostFacts, machineArchitecture, preflight } from "./preflight.ts";

/** Registers the machine of a stack on this computer. Refuses what stands in its way first. */
export async function up(settings: Settings, { project, stack, refuse }: UpContext): Promise<Outputs> {
  const architecture = machineArchitecture(settings);
  const paths = pathsOf(project, stack, settings.stateDirectory);
  refuse(preflight(settings, await hostFacts(settings, architecture, paths), paths));
  const machine = new LocalMachine("machine", { settings, architecture, project, paths });
  const { ssh, verification, accelerator, network, baseImage, runtimeImage } = machine;
  const { root: stateDirectory } = paths;
  return { target: settings.target, stateDirectory, ssh, verification, accelerator, network, baseImage, runtimeImage };
}
