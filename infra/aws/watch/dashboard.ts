import { Dashboard as AwsDashboard } from "@pulumi/aws/cloudwatch/dashboard.js";
import * as pulumi from "@pulumi/pulumi";
import type { PoolGroup } from "../machines/pool.ts";

/** Arguments of {@link Dashboard}. */
export interface DashboardArgs {
  readonly region: string;
  readonly machines: readonly { readonly machine: string; readonly instanceId: pulumi.Input<string> }[];
  readonly pools: readonly pulumi.Input<readonly PoolGroup[]>[];
}

/** One dashboard per stack: CPU and status checks of named machines, sizes of pools. */
export class Dashboard extends pulumi.ComponentResource {
  /** Link into AWS's console. */
  readonly url: string;

  constructor(name: string, args: DashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Dashboard", name, {}, opts);
    const { region } = args;
    const widget = (title: string, metrics: unknown[][]) => ({
      type: "metric",
      width: 12,
      height: 6,
      properties: { title, region, period: 300, stat: "Average", metrics },
    });
    const body = pulumi.all([args.machines, args.pools]).apply(([machines, pools]) => {
      // A widget takes at most 500 metrics (CloudWatch quotas).
      const some = machines.slice(0, 250);
      const groups = pools.flat().slice(0, 250);
      const widgets = [];
      if (some.length > 0) {
        const of = (metric: string) =>
          some.map((m) => ["AWS/EC2", metric, "InstanceId", m.instanceId, { label: m.machine }]);
        widgets.push(
          widget("CPU of named machines, %", of("CPUUtilization")),
          widget("Failed checks", of("StatusCheckFailed")),
        );
      }
      if (groups.length > 0) {
        // A dot repeats what stands above it (CloudWatch, "Dashboard body structure and syntax").
        const of = (metric: string) =>
          groups.map(({ group }, i) =>
            i === 0 ? ["AWS/AutoScaling", metric, "AutoScalingGroupName", group] : [".", ".", ".", group],
          );
        widgets.push(widget("Machines in pools", [...of("GroupInServiceInstances"), ...of("GroupDesiredCapacity")]));
      }
      return JSON.stringify({ widgets });
    });
    new AwsDashboard(name, { dashboardName: name, dashboardBody: body }, { parent: this });
    this.url = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${name}`;
    this.registerOutputs({ url: this.url });
  }
}
