import type { ReferenceRow } from "./reference-row.ts";
import { ROWS } from "./reference-rows.ts";

type Rows = typeof ROWS;
type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends readonly unknown[]
        ? readonly string[]
        : { readonly [K in keyof T]: Widened<T[K]> };

/** The values of the reference, by the ids of its rows. Judges compare with them. */
export type Reference = { readonly [Id in Rows[number]["id"]]: Widened<Extract<Rows[number], { id: Id }>["value"]> };

/** Every promise, in the order of reference.yaml. */
export const REFERENCE_ROWS: readonly ReferenceRow[] = ROWS;

/** The values of some rows, by id. */
export function valuesOf(rows: readonly ReferenceRow[]): Reference {
  return Object.fromEntries(rows.map(({ id, value }) => [id, value])) as unknown as Reference;
}

/** The values of the reference. */
export const REFERENCE: Reference = valuesOf(ROWS);

/** A CPU feature of the reference (row M3), as /proc/cpuinfo names it. */
export type CpuFeature = Extract<Rows[number], { id: "M3" }>["value"][number];

/** The name of a tool in the reference (row A3). */
export type Tool = Extract<Rows[number], { id: "A3" }>["value"][number];

/** The tools that the reference offers to the model (row A3), with their names as types. */
export const REFERENCE_TOOLS = REFERENCE.A3 as readonly [Tool, ...Tool[]];

/** The values of a machine when its stack does not set others. */
export function defaultsOf(reference: Reference) {
  return {
    /** Host name of machine and sandboxes (row O3). */
    hostname: reference.O3,
    cpus: reference.M2,
    memoryMiB: reference.M4.machineMiB,
    /** Memory that all sessions together may use, in MiB: all of the reference's memory (row M4). */
    sessionMemoryMiB: Math.floor(reference.M4.GiB * 1024),
    rootDiskGiB: reference.D1.GB,
    sessionDiskGiB: reference.D3.GB,
    model: reference.A2,
    tools: reference.A3,
  };
}

/** The values of the reference, as defaults of machine.json and of a stack's configuration. */
export const DEFAULTS = defaultsOf(REFERENCE);

/** The port of a proxy that a row promises, such as E1's `localhost:3128`. */
export const portOf = ({ proxy }: { readonly proxy: string }): number =>
  Number(proxy.slice(proxy.lastIndexOf(":") + 1));
