import type { Settings } from "../../settings/settings.ts";
import { zoneFor, zonesOf } from "./zones.ts";

/** A named machine with all its values: its own, or those of the stack. */
export interface ResolvedMachine {
  readonly zone: string;
  readonly instanceType: string;
  /** GiB. */
  readonly sessionDiskGiB: number;
}

/** The values of a named machine of the configuration. */
export function resolveMachine(settings: Settings, name: string): ResolvedMachine {
  const { zone, instanceType, sessionDiskGiB, was } = settings.machines[name] ?? {};
  return {
    // Its disk is where the machine of the former name was.
    zone: zone ?? zoneFor(was ?? name, zonesOf(settings)),
    instanceType: instanceType ?? settings.instanceType,
    sessionDiskGiB: sessionDiskGiB ?? settings.sessionDiskGiB,
  };
}

/** A pool with all its values: its own, or those of the stack. */
export type ResolvedPool = Settings["pools"][string] & {
  readonly instanceType: string;
  /** Size of each machine's session disk. GiB. */
  readonly sessionDiskGiB: number;
};

/** The values of a pool of the configuration. Throws for a name that is none of its pools. */
export function resolvePool(settings: Settings, name: string): ResolvedPool {
  const pool = settings.pools[name];
  if (pool === undefined) throw new Error(`cloister:pools has no pool ${name}`);
  const { instanceType = settings.instanceType, ...rest } = pool;
  return { ...rest, instanceType, sessionDiskGiB: settings.sessionDiskGiB };
}
