import {
  type AutoScalingClient,
  CancelInstanceRefreshCommand,
  DescribeInstanceRefreshesCommand,
  type InstanceRefresh,
  StartInstanceRefreshCommand,
} from "@aws-sdk/client-auto-scaling";
import { REFRESH } from "../../infra/aws/defaults.ts";
import { OperatorError } from "../errors.ts";

/** States in which Auto Scaling still works at a refresh (API reference, InstanceRefresh). */
const RUNS = new Set(["Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"]);

/** A group's newest refresh. */
export interface RefreshState {
  readonly runs: boolean;
  /** For a person: `InProgress, 40 %`, `Failed: why`, or `none so far`. */
  readonly words: string;
}

type Client = Pick<AutoScalingClient, "send">;

/** Asks for a group's newest refresh. */
export async function refreshState(client: Client, group: string): Promise<RefreshState> {
  const { InstanceRefreshes } = await client.send(
    new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: group, MaxRecords: 1 }),
  );
  return stateOf(InstanceRefreshes?.[0]);
}

function stateOf(refresh: InstanceRefresh | undefined): RefreshState {
  if (refresh === undefined) return { runs: false, words: "none so far" };
  const { Status = "unknown", StatusReason, PercentageComplete } = refresh;
  const runs = RUNS.has(Status);
  if (runs) return { runs, words: PercentageComplete === undefined ? Status : `${Status}, ${PercentageComplete} %` };
  return { runs, words: StatusReason ? `${Status}: ${StatusReason}` : Status };
}

/** The remark beside a machine that is made from an old template. */
export function oldRemark(state: RefreshState, stack: string, pool: string): string {
  return state.runs
    ? `old: a refresh runs (${state.words})`
    : `old, and no refresh runs (the last: ${state.words}): cloister --stack ${stack} refresh ${pool}`;
}

export interface RefreshOptions {
  /** Cancels a refresh that runs, and starts anew. @default false: it is left alone */
  readonly restart?: boolean;
  readonly say: (line: string) => void;
  readonly wait: (ms: number) => Promise<void>;
}

/** A cancelled refresh leaves machines that start or end to themselves: it is over soon. */
const CANCEL_TRIES = 60;
const EVERY_MS = 5_000;

/**
 * Replaces a group's machines of an old template, in the background and with the program's own preferences. Machines that are
 * as they shall be stay, so it may be run again at any time.
 *
 * @returns true when a refresh was started
 * @throws OperatorError when a cancelled refresh does not come to its end
 */
export async function refreshGroup(client: Client, group: string, options: RefreshOptions): Promise<boolean> {
  const { restart = false, say, wait } = options;
  const before = await refreshState(client, group);
  if (before.runs && !restart) {
    say(`${group}: a refresh runs already (${before.words}). To begin anew: --restart`);
    return false;
  }
  if (before.runs) await cancel(client, group, say, wait);
  try {
    await client.send(
      new StartInstanceRefreshCommand({
        AutoScalingGroupName: group,
        Strategy: "Rolling",
        Preferences: {
          MinHealthyPercentage: REFRESH.minHealthyPercentage,
          MaxHealthyPercentage: REFRESH.maxHealthyPercentage,
          SkipMatching: true,
          InstanceWarmup: 0,
          ScaleInProtectedInstances: "Wait",
          StandbyInstances: "Wait",
        },
      }),
    );
  } catch (error) {
    // Somebody else was quicker.
    if (!/InstanceRefreshInProgress/.test((error as Error).name)) throw error;
    say(`${group}: a refresh runs already`);
    return false;
  }
  say(`${group}: a refresh was started; cloister ls shows what is old still`);
  return true;
}

async function cancel(
  client: Client,
  group: string,
  say: RefreshOptions["say"],
  wait: RefreshOptions["wait"],
): Promise<void> {
  try {
    // Not for machines that drain: they may have two hours, and go on to their end by themselves.
    await client.send(
      new CancelInstanceRefreshCommand({ AutoScalingGroupName: group, WaitForTransitioningInstances: false }),
    );
  } catch (error) {
    // It came to its end meanwhile.
    if (!/ActiveInstanceRefreshNotFound/.test((error as Error).name)) throw error;
  }
  say(`${group}: the refresh that ran is cancelled`);
  for (let tries = 0; (await refreshState(client, group)).runs; tries += 1) {
    if (tries >= CANCEL_TRIES)
      throw new OperatorError(
        `the refresh of ${group} is cancelled, and has not come to its end. Look: aws autoscaling describe-instance-refreshes --auto-scaling-group-name ${group}`,
        { code: "CLOISTER_E_AWS" },
      );
    await wait(EVERY_MS);
  }
}
