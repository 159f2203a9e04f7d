import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime/config.js";
import { parseSettings, type Settings, SettingsError } from "./settings/settings.ts";

/** Settings -> target -> outputs. */
const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const stack = pulumi.getStack();

/** What the user should see is the message: the engine shows no stack trace of a RunError. */
function refuse(problems: ConstructorParameters<typeof SettingsError>[1]): never {
  throw new pulumi.RunError(new SettingsError(stack, problems).message);
}

type Outputs = Readonly<Record<string, pulumi.Input<unknown>>>;

// A target is loaded when it is chosen: a local stack never loads AWS's packages.
async function local(settings: Settings): Promise<Outputs> {
  const { LocalMachine } = await import("./local/machine.ts");
  const { pathsOf } = await import("./local/paths.ts");
  const { hostFacts, machineArchitecture, preflight } = await import("./local/preflight.ts");
  const architecture = machineArchitecture(settings);
  const paths = pathsOf(project, stack, settings.stateDirectory);
  const problems = preflight(settings, await hostFacts(settings, architecture, paths), paths);
  if (problems.length > 0) refuse(problems);
  const { ssh, verification, accelerator, baseImage, runtimeImage } = new LocalMachine("machine", {
    settings,
    architecture,
    project,
    paths,
  });
  const { root: stateDirectory } = paths;
  return { target: settings.target, stateDirectory, ssh, verification, accelerator, baseImage, runtimeImage };
}

async function aws(settings: Settings): Promise<Outputs> {
  const { awsProblems, credentialsProblem, hasSharedCredentials } = await import("./aws/check.ts");
  const credentials = credentialsProblem(process.env, hasSharedCredentials(process.env));
  const problems = [...awsProblems(settings, stack), ...(credentials ? [credentials] : [])];
  if (problems.length > 0) refuse(problems);
  const { AwsTarget } = await import("./aws/target.ts");
  const { protectData } = await import("./aws/protection.ts");
  const { uploadRuntimeImage } = await import("./aws/runtime-image.ts");
  pulumi.runtime.registerResourceTransform(protectData(settings.onDestroy));
  return new AwsTarget("aws", {
    settings,
    stack,
    runtimeImage: (bucket, parent) => uploadRuntimeImage(settings.region, bucket, parent),
  }).outputs;
}

/** The program, run by `main.mjs`. Its result is the stack's outputs: those of its target. */
export default async function program(): Promise<Outputs> {
  const parsed = parseSettings(allConfig());
  if (!("settings" in parsed)) refuse(parsed.problems);
  return await { local, aws }[parsed.settings.target](parsed.settings);
}
