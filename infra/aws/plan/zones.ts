import { createHash } from "node:crypto";
import type { Settings } from "../../settings/settings.ts";

/** The zones of a stack: as configured, or the region's first two. */
export function zonesOf(settings: Pick<Settings, "region" | "zones">): string[] {
  return settings.zones.length > 0 ? [...settings.zones] : ["a", "b"].map((letter) => settings.region + letter);
}

/**
 * The zone of a named machine for which none is requested. Its name alone decides, so that another machine does not move
 * it: its session disk cannot follow. With one more zone, few names get another (rendezvous hashing).
 */
export function zoneFor(machine: string, zones: readonly string[]): string {
  const weight = (zone: string): string => createHash("sha256").update(`${zone} ${machine}`).digest("hex");
  return [...zones].sort((a, b) => (weight(a) < weight(b) ? 1 : -1))[0] ?? "";
}
