import * as pulumi from "@pulumi/pulumi";
import { LOCAL_MACHINE } from "../../contract/machine.ts";
import type { LocalOutputs } from "../../contract/outputs.ts";
import type { PendingFacts } from "../pending.ts";
import type { Settings } from "../settings/settings.ts";
import type { UpContext } from "../up.ts";
import { LocalMachine } from "./machine.ts";
import { pathsOf } from "./paths.ts";
import { hostFacts, machineArchitecture, notices, preflight } from "./preflight.ts";

/** Registers the machine of a stack on this computer. Refuses what stands in its way first. */
export async function up(
  settings: Settings,
  { project, stack, refuse }: UpContext,
): Promise<PendingFacts<LocalOutputs>> {
  const architecture = machineArchitecture(settings);
  const paths = pathsOf(project, stack, settings.stateDirectory);
  const facts = await hostFacts(settings, architecture, paths);
  refuse(preflight(settings, facts, paths));
  for (const notice of notices(settings, facts)) void pulumi.log.warn(notice);
  const machine = new LocalMachine(LOCAL_MACHINE, { settings, architecture, project, paths });
  const { ssh, verification, accelerator, network, baseImage, runtimeImage } = machine;
  const { root: stateDirectory } = paths;
  return { target: "local", stateDirectory, ssh, verification, accelerator, network, baseImage, runtimeImage };
}
