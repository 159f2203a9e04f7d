/** The controllers of control groups that count for the sharing of the processors (cgroups(7), version 2). */
export interface SharesFacts {
  /** Those that the kernel has; undefined when there are no unified control groups. */
  readonly available: readonly string[] | undefined;
  /** Those that are switched on for the sessions' own groups. */
  readonly enabled: readonly string[];
}

/**
 * Returns what a machine says when its sessions do not share the processors evenly; undefined when they do. The reference
 * promises no shares, so no row of it fails: sessions run, and one may slow the others down.
 */
export function sharesNotice({ available, enabled }: SharesFacts): string | undefined {
  if (enabled.includes("cpu")) return undefined;
  const why =
    available === undefined
      ? "control groups are not unified (cgroup v2): start its kernel with systemd.unified_cgroup_hierarchy=1"
      : available.includes("cpu")
        ? "systemd did not switch on the controller cpu for cloister-sessions.slice: look at systemctl status cloister-sessions-shares.slice"
        : "its kernel has no controller cpu: it was built without CONFIG_CGROUP_SCHED, or started with cgroup_disable=cpu";
  return `sessions have no shares of the processors, and a busy one slows the others down: ${why}`;
}
