/** Sizes and CPU features of Graviton instance types, as of 2026-07 (aws/aws-graviton-getting-started, runtime-feature-detection.md). */

import type { CpuFeature } from "../../../contract/reference.ts";
import { defined } from "../../../lib/defined.ts";

/** By generation: the features of the reference that its cores lack. */
const LACKS: Readonly<Record<number, readonly CpuFeature[]>> = {
  2: ["sha3", "sha512", "paca", "pacg", "bti"],
  3: ["bti"],
  4: [],
  5: [],
};

/** Families that do not follow the rule "letters, 5 + generation - 1, g". */
const GENERATION_OF_DIGIT: Readonly<Record<string, number>> = { "4": 2, "6": 2, "7": 3, "8": 4, "9": 5 };

/** A size, behind the dot of a type's name. */
const SIZE = /^(?:nano|micro|small|medium|\d*x?large|metal(?:-\d+xl)?)$/;

/** Facts that an instance type's name tells. */
export interface InstanceTypeFacts {
  /** Graviton generation; undefined when it is no Graviton type. */
  readonly generation: number | undefined;
  /** Features of the reference that it lacks. */
  readonly lacks: readonly CpuFeature[];
}

/** Reads an instance type's name, such as `c8g.xlarge`. */
export function instanceTypeFacts(type: string): InstanceTypeFacts {
  const match = /^(?:(?:[cmrtx]|im|is|i|hpc)(\d)g|x(2)g|g(5)g)(?:[a-z]{0,2}|-flex)\.(.*)$/.exec(type);
  if (!SIZE.test(match?.[4] ?? "")) return { generation: undefined, lacks: [] };
  const digit = match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
  // g5g is a Graviton2 with a GPU.
  const generation = /^(x2g|g5g|im4)/.test(type) && match ? 2 : GENERATION_OF_DIGIT[digit];
  return { generation, lacks: generation === undefined ? [] : (LACKS[generation] ?? []) };
}

/** GiB of memory for each vCPU, by family. */
const GIB_PER_CPU: Readonly<Record<string, number>> = { c: 2, m: 4, r: 8, x: 16 };
/** vCPUs by size; `<n>xlarge` and `metal-<n>xl` have 4 n. */
const CPUS: Readonly<Record<string, number>> = { medium: 1, large: 2, xlarge: 4 };

/** The size of an instance. */
export interface InstanceSize {
  readonly cpus: number;
  /** Undefined for families of another proportion than c, m, r and x. */
  readonly memoryMiB?: number;
}

/**
 * The size of an instance type of Graviton4 or newer, such as `c8g.xlarge`; undefined when its name does not tell.
 * Source: the EC2 instance types guide.
 */
export function instanceSize(type: string): InstanceSize | undefined {
  const [, family = "", size = ""] = /^([a-z]+)\d+g[a-z-]*\.([\w-]+)$/.exec(type) ?? [];
  const many = /^(?:metal-)?(\d+)xl(?:arge)?$/.exec(size);
  const cpus = many ? 4 * Number(many[1]) : CPUS[size];
  if (cpus === undefined) return undefined;
  const gib = GIB_PER_CPU[family];
  return defined({ cpus, memoryMiB: gib === undefined ? undefined : cpus * gib * 1024 });
}
