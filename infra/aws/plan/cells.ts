import { createHash } from "node:crypto";

/** Most machines of one Auto Scaling group: larger pools are divided into cells. */
export const CELL = 500;

/** Divides a number over cells so that they differ by at most one. */
export function share(total: number, cells: number): number[] {
  return Array.from({ length: cells }, (_, i) => Math.floor(total / cells) + (i < total % cells ? 1 : 0));
}

/** How many cells a pool of at most `max` machines has. */
export function cellsFor(max: number): number {
  return Math.max(1, Math.ceil(max / CELL));
}

/**
 * Least time until so many machines are started, in seconds, with EC2's default limits: a bucket of 1,000 instances, refilled
 * by 2 a second (EC2 API throttling, RunInstances, "resource rate").
 */
export function startSeconds(machines: number): number {
  return Math.max(0, Math.ceil((machines - 1000) / 2));
}

/**
 * The zone of a named machine that has no wish: by its name alone, so that another machine does not move it. Its session
 * disk cannot follow. With one more zone, few names get another (rendezvous hashing).
 */
export function zoneFor(machine: string, zones: readonly string[]): string {
  const weight = (zone: string): string => createHash("sha256").update(`${zone} ${machine}`).digest("hex");
  return [...zones].sort((a, b) => (weight(a) < weight(b) ? 1 : -1))[0] ?? "";
}
