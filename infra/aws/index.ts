/** `cloister/aws`: the components of the AWS target, for programs of your own. See docs/library.md. */
export { Encryption, type EncryptionArgs } from "./access/encryption.ts";
export { MachineRole, type MachineRoleArgs } from "./access/machine-role.ts";
export { flowLogPolicy, type PolicyDocument } from "./access/policies.ts";
export { ServiceRole, type ServiceRoleArgs } from "./access/service-role.ts";
export { RuntimeImage, type RuntimeImageArgs } from "./data/packaged-image.ts";
export { RuntimeBucket, type RuntimeBucketArgs } from "./data/runtime-bucket.ts";
export { Snapshots, type SnapshotsArgs } from "./data/snapshots.ts";
export type { MachineShape, RuntimeSource } from "./machines/machine-template.ts";
export { NamedMachine, type NamedMachineArgs } from "./machines/named-machine.ts";
export { Pool, type PoolArgs, type PoolSchedule } from "./machines/pool.ts";
export { DnsFirewall, type DnsFirewallArgs } from "./network/dns-firewall.ts";
export { Network, type NetworkArgs } from "./network/network.ts";
export { Alerts, type AlertsArgs } from "./watch/alerts.ts";
export { Budget, type BudgetArgs } from "./watch/budget.ts";
export { Dashboard, type DashboardArgs } from "./watch/dashboard.ts";
export { Logs, type LogsArgs } from "./watch/logs.ts";
