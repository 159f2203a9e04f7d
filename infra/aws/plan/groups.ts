/** Most machines of one Auto Scaling group: larger pools are divided into several. */
export const GROUP_SIZE = 500;

/** Divides a number over groups so that they differ by at most one. */
export function share(total: number, groups: number): number[] {
  return Array.from({ length: groups }, (_, i) => Math.floor(total / groups) + (i < total % groups ? 1 : 0));
}

/** The number of groups of a pool of at most `max` machines. */
export function groupsFor(max: number): number {
  return Math.max(1, Math.ceil(max / GROUP_SIZE));
}

/**
 * The last part of a group's name. The first group has the pool's own name, however many there are: a pool that grows beyond
 * {@link GROUP_SIZE} keeps the machines that it has.
 */
export function groupOf(pool: string, index: number): string {
  return index === 0 ? pool : `${pool}-${index + 1}`;
}

/**
 * Least time until so many machines are started, in seconds, with EC2's default limits: a bucket of 1,000 instances, refilled
 * by 2 a second (EC2 API throttling, RunInstances, "resource rate").
 */
export function startSeconds(machines: number): number {
  return Math.max(0, Math.ceil((machines - 1000) / 2));
}
