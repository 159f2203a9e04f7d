import "./settings/zod-jitless.ts";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import * as runtimeConfig from "@pulumi/pulumi/runtime/config.js";
import { type Problem, parseSettings, SettingsError } from "./settings/settings.ts";
import type { Outputs, UpContext } from "./up.ts";

/** The SDK has the second, and leaves it out of its declarations. */
const { allConfig, isConfigSecret } = runtimeConfig as typeof runtimeConfig & { isConfigSecret(key: string): boolean };

const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const stack = pulumi.getStack();

const TARGETS = {
  aws: () => import("./aws/up.ts"),
  container: () => import("./container/up.ts"),
  local: () => import("./local/up.ts"),
} as const;

/** The engine shows the message of a RunError, and no stack trace. */
function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new pulumi.RunError(new SettingsError(stack, problems).message);
}

/**
 * The program, run by `main.mjs`. Its result is the stack's outputs: those of its target.
 *
 * @param early what was registered before the program was loaded
 */
export default async function program(early: UpContext["early"] = {}): Promise<Outputs | Record<string, never>> {
  const parsed = parseSettings(allConfig(), undefined, isConfigSecret);
  if (!("settings" in parsed)) {
    const { problems, rest, wrong } = parsed;
    const more = rest.target === "aws" && !wrong.includes("target") ? await import("./aws/refusals.ts") : undefined;
    refuse([...problems, ...((await more?.refusals(rest, { project, stack }, wrong)) ?? [])]);
    return {};
  }
  const { settings } = parsed;
  // A target is loaded when it is chosen: a local stack never loads AWS's packages.
  const { up } = await TARGETS[settings.target]();
  return await up(settings, { project, stack, refuse, early });
}
