import {
  AutoScalingClient,
  type AutoScalingClientConfig,
  CompleteLifecycleActionCommand,
  RecordLifecycleActionHeartbeatCommand,
  SetInstanceProtectionCommand,
} from "@aws-sdk/client-auto-scaling";

/** The answer to a signal: `taken`, or `not-awaited` when nobody waits for it. */
export type Answer = "taken" | "not-awaited";

/** The signals that a machine sends to its Auto Scaling group. */
export interface Signals {
  complete(hook: string, result: "CONTINUE" | "ABANDON"): Promise<Answer>;
  heartbeat(hook: string): Promise<Answer>;
  /**
   * Protects this machine, or ends its protection: the group does not choose a protected machine when it gets smaller.
   */
  protect(on: boolean): Promise<void>;
}

/**
 * Makes the real signals. The SDK tries each call three times. While the group is not known, each signal asks for it.
 */
export function autoScaling(group: () => Promise<string>, instance: string, config: AutoScalingClientConfig): Signals {
  const client = new AutoScalingClient(config);
  const about = async (hook: string) => ({
    AutoScalingGroupName: await group(),
    LifecycleHookName: hook,
    InstanceId: instance,
  });
  return {
    complete: async (hook, result) =>
      await awaited(
        client.send(new CompleteLifecycleActionCommand({ ...(await about(hook)), LifecycleActionResult: result })),
      ),
    heartbeat: async (hook) => await awaited(client.send(new RecordLifecycleActionHeartbeatCommand(await about(hook)))),
    protect: async (on) => {
      await client.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName: await group(),
          InstanceIds: [instance],
          ProtectedFromScaleIn: on,
        }),
      );
    },
  };
}

/** A hook that is not waiting is answered with `ValidationError: No active Lifecycle Action found with instance ID ...`. */
async function awaited(sent: Promise<unknown>): Promise<Answer> {
  try {
    await sent;
    return "taken";
  } catch (error) {
    if (/no active lifecycle action/i.test((error as Error).message)) return "not-awaited";
    throw error;
  }
}
