import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime/config.js";
import { LocalMachine } from "./local/machine.ts";
import { pathsOf } from "./local/paths.ts";
import { hostFacts, machineArchitecture, preflight } from "./local/preflight.ts";
import { parseSettings, type Settings, SettingsError } from "./settings/settings.ts";

/** Settings -> target -> outputs. */
const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const stack = pulumi.getStack();

/** What the user should see is the message: the engine shows no stack trace of a RunError. */
function refuse(problems: ConstructorParameters<typeof SettingsError>[1]): never {
  throw new pulumi.RunError(new SettingsError(stack, problems).message);
}

async function local(settings: Settings): Promise<LocalMachine> {
  const architecture = machineArchitecture(settings);
  const paths = pathsOf(project, stack, settings.stateDirectory);
  const problems = preflight(settings, await hostFacts(settings, architecture, paths), paths);
  if (problems.length > 0) refuse(problems);
  return new LocalMachine("machine", { settings, architecture, project, paths });
}

const parsed = parseSettings(allConfig());
if (!("settings" in parsed)) refuse(parsed.problems);
const machine = await local(parsed.settings);

export const ssh = machine.ssh;
export const verification = machine.verification;
export const accelerator = machine.accelerator;
export const baseImage = machine.baseImage;
export const runtimeImage = machine.runtimeImage;
