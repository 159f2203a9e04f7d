import type { EC2 } from "@aws-sdk/client-ec2";

/** The calls of EC2 that {@link handOver} makes. */
export type HandOverApi = Pick<EC2, "describeVolumes" | "describeInstances" | "stopInstances" | "detachVolume">;

export interface HandOver {
  /** Id of the session disk. */
  readonly volume: string;
  /** Id of the instance that gets it. */
  readonly instance: string;
  readonly say: (line: string) => void;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
}

/** A machine that shuts down writes its file systems out; it may have ten minutes. */
const TRIES = 120;
const EVERY_MS = 5_000;

/**
 * Takes a session disk from whichever other instance has it, so that it can be attached. An instance that runs is stopped
 * first, which writes its file systems out. One that was terminated, by whomever, has given its disk up or is about to: that
 * is waited for, where the provider's own way (`stopInstanceBeforeDetaching`) ends with IncorrectInstanceState.
 *
 * @throws when another instance still has it after ten minutes
 */
export async function handOver(api: HandOverApi, { volume, instance, say, wait }: HandOver): Promise<void> {
  let told = "";
  for (let tries = 0; ; tries += 1) {
    const { Volumes = [] } = await api.describeVolumes({ VolumeIds: [volume] });
    const held = (Volumes[0]?.Attachments ?? []).find((one) => one.InstanceId !== instance && one.State !== "detached");
    const holder = held?.InstanceId;
    if (holder === undefined) return;
    const state = await stateOf(api, holder);
    if (tries >= TRIES) {
      throw new Error(
        `the session disk ${volume} is still attached to ${holder}, which is ${state}. Stop that instance, detach the disk, and run pulumi up again.`,
      );
    }
    const line = `the session disk ${volume} is at ${holder}, which is ${state}`;
    if (line !== told) say(line);
    told = line;
    if (state === "running") await tolerant(api.stopInstances({ InstanceIds: [holder] }));
    else if (state === "stopped" && held?.State === "attached")
      await tolerant(api.detachVolume({ VolumeId: volume, InstanceId: holder }));
    await wait(EVERY_MS);
  }
}

async function stateOf(api: HandOverApi, id: string): Promise<string> {
  try {
    const { Reservations = [] } = await api.describeInstances({ InstanceIds: [id] });
    return Reservations[0]?.Instances?.[0]?.State?.Name ?? "gone";
  } catch (error) {
    if ((error as Error).name === "InvalidInstanceID.NotFound") return "gone";
    throw error;
  }
}

/** Between the look and the deed an instance may have gone further: the next look tells. */
async function tolerant(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!/^(IncorrectInstanceState|IncorrectState|InvalidInstanceID\.NotFound)$/.test((error as Error).name))
      throw error;
  }
}
