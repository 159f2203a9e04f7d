import type { Imds } from "./imds.ts";

/**
 * Returns the time when EC2 takes a Spot machine back, on the clock of `now`. EC2 tells it two minutes ahead (EC2 user
 * guide, "Spot Instance interruption notices"; `{"action":"terminate","time":"2026-01-01T08:22:00Z"}`). Undefined
 * without a notice.
 */
export async function spotEnd(imds: Imds, now: number): Promise<number | undefined> {
  const text = await imds.item("spot/instance-action");
  if (text === undefined) return undefined;
  const time = Date.parse((JSON.parse(text) as { time?: string }).time ?? "");
  // A notice whose time cannot be read still counts as a notice.
  return Number.isNaN(time) ? now + 120_000 : now + time - Date.now();
}
