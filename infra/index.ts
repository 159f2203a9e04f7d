import "./settings/uncompiled.ts";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import * as runtimeConfig from "@pulumi/pulumi/runtime/config.js";
import type { AwsOutputs, LocalOutputs } from "../contract/outputs.ts";
import type { PendingFacts } from "./pending.ts";
import { type Problem, parseSettings, type Settings, SettingsError } from "./settings/settings.ts";

/** The SDK has the second, and leaves it out of its declarations. */
const { allConfig, isConfigSecret } = runtimeConfig as typeof runtimeConfig & { isConfigSecret(key: string): boolean };

/** Settings -> target -> outputs. */
const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const stack = pulumi.getStack();

/** What the user should see is the message: the engine shows no stack trace of a RunError. */
function refuse(problems: readonly Problem[]): never {
  throw new pulumi.RunError(new SettingsError(stack, problems).message);
}

// A target is loaded when it is chosen: a local stack never loads AWS's packages.
async function local(settings: Settings): Promise<PendingFacts<LocalOutputs>> {
  const { LOCAL_MACHINE } = await import("../contract/machine.ts");
  const { LocalMachine } = await import("./local/machine.ts");
  const { pathsOf } = await import("./local/paths.ts");
  const { hostFacts, machineArchitecture, preflight } = await import("./local/preflight.ts");
  const architecture = machineArchitecture(settings);
  const paths = pathsOf(project, stack, settings.stateDirectory);
  const problems = preflight(settings, await hostFacts(settings, architecture, paths), paths);
  if (problems.length > 0) refuse(problems);
  const { ssh, verification, accelerator, network, baseImage, runtimeImage } = new LocalMachine(LOCAL_MACHINE, {
    settings,
    architecture,
    project,
    paths,
  });
  const { root: stateDirectory } = paths;
  return { target: "local", stateDirectory, ssh, verification, accelerator, network, baseImage, runtimeImage };
}

/** All that is wrong with a stack on AWS, or with the credentials for it. */
async function awsRefusals(settings: Settings, wrong: readonly string[] = []): Promise<Problem[]> {
  const { awsProblems, credentialsProblem, hasSharedCredentials } = await import("./aws/plan/problems.ts");
  const problems = awsProblems(settings, stack, wrong);
  const credentials = credentialsProblem(process.env, hasSharedCredentials(process.env));
  if (credentials) return [...problems, credentials];
  if (wrong.some((one) => /^(region|zones|instanceType)\b/.test(one))) return problems;
  const { askAws, zonesWithoutTypes } = await import("./aws/plan/offerings.ts");
  const lacking = await zonesWithoutTypes({
    settings,
    file: resolve(project, ".cloister", stack, "offerings.json"),
    ask: askAws(project),
    doubt: (why) => void pulumi.log.warn(why),
  });
  return [...problems, ...lacking];
}

async function aws(settings: Settings): Promise<PendingFacts<AwsOutputs>> {
  const problems = await awsRefusals(settings);
  if (problems.length > 0) refuse(problems);
  const { providersFor } = await import("./aws/providers.ts");
  const providers = providersFor(settings.region);
  // Their plugins start while the rest of the program is loaded, once the engine has heard of them.
  await new Promise((resolve) => setTimeout(resolve, 5));
  // No refusal: a stack whose image is in its bucket needs none of it, and the program cannot see that.
  const { runtimeImageKey } = await import("../images/runtime/key.ts");
  const { missingForRuntimeImage } = await import("../images/runtime/missing.ts");
  const imageKey = runtimeImageKey({ arch: "arm64" });
  for (const lack of await missingForRuntimeImage(imageKey))
    void pulumi.log.warn(`${lack} Until then this computer can bring up no new stack and no change of the guest.`);
  const { AwsTarget } = await import("./aws/target.ts");
  const { protectData } = await import("./aws/data/on-destroy.ts");
  const { uploadRuntimeImage } = await import("./aws/data/runtime-image.ts");
  // Each resource makes a round trip through a transform.
  if (settings.onDestroy !== "delete-data") pulumi.runtime.registerResourceTransform(protectData(settings.onDestroy));
  return new AwsTarget("aws", {
    settings,
    stack,
    providers,
    runtimeImage: (bucket, parent) => uploadRuntimeImage(settings.region, imageKey, bucket, parent),
  }).outputs;
}

/** The program, run by `main.mjs`. Its result is the stack's outputs: those of its target. */
export default async function program(): Promise<PendingFacts<LocalOutputs | AwsOutputs>> {
  const parsed = parseSettings(allConfig(), undefined, isConfigSecret);
  if (!("settings" in parsed)) {
    const { problems, rest, wrong } = parsed;
    const more = rest.target === "aws" && !wrong.includes("target") ? await awsRefusals(rest, wrong) : [];
    refuse([...problems, ...more]);
  }
  return await { local, aws }[parsed.settings.target](parsed.settings);
}
