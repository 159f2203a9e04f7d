import type { StackRule } from "../core/rule.ts";
import { SNAPSHOTS, VOLUME } from "../core/types.ts";

export const snapshots: StackRule = {
  name: "snapshots",
  severity: "high",
  reason: "A disk without snapshots is one failure away from being gone.",
  remedy: "Set `cloister:snapshots` to keep enough of them.",
  link: "docs/config.md",
  checkStack: (resources, report, { limits, stack }) => {
    const disks = resources.filter(({ type }) => type === VOLUME);
    if (limits.snapshotsKept === 0 || disks.length === 0) return false;
    const kept = resources
      .filter(({ type, props }) => type === SNAPSHOTS && (props.at("state").text() ?? "ENABLED") === "ENABLED")
      .map(({ props }) => {
        const details = props.at("policyDetails");
        const counts = details
          .at("schedules")
          .list()
          .map((one) => one.at("retainRule", "count").number() ?? 0);
        return { tags: details.at("targetTags").entries(), keep: Math.max(0, ...counts) };
      });
    for (const disk of disks) {
      const of = kept.filter(({ tags }) =>
        tags.some(([key, value]) => disk.props.at("tags", key).text() === value.text()),
      );
      const most = Math.max(0, ...of.map(({ keep }) => keep));
      if (of.length === 0) report(`no schedule of ${stack} makes snapshots of the disk`, disk);
      else if (most < limits.snapshotsKept)
        report(`${most} snapshots of the disk are kept, and ${limits.snapshotsKept} should be`, disk);
    }
    return undefined;
  },
};
