import { z } from "zod";
import { agentKeys } from "./keys/agent.ts";
import { awsKeys } from "./keys/aws.ts";
import { containerKeys } from "./keys/container.ts";
import { localKeys } from "./keys/local.ts";
import { machineKeys } from "./keys/machine.ts";

/**
 * The one schema of a stack's configuration. The types, the checks, `docs/config.md`, the `config` block of `Pulumi.yaml`
 * and the editors' schema of `Pulumi.<stack>.yaml` all come from it. A key `x` here is `cloister:x` in that file.
 */
export const settingsSchema = z.strictObject({
  ...machineKeys,
  ...agentKeys,
  ...localKeys,
  ...containerKeys,
  ...awsKeys,
});

/** The parsed configuration, before it is frozen. */
export type SettingsInput = z.infer<typeof settingsSchema>;
