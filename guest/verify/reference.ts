import type { Group } from "./report.ts";

/** `must` rows fail a verification when they differ; `parity` rows are compared and reported. */
export const ROW_LEVELS = ["must", "parity"] as const;

/** Where a row can be seen. */
export const ROW_TARGETS = ["any", "arm64", "ubuntu", "aws", "container"] as const;

/** One promise of reference.yaml: what is to be seen, and where it can be. */
export interface ReferenceRow {
  readonly id: string;
  readonly group: Group;
  readonly fact: string;
  readonly value: string | number | boolean | readonly string[];
  readonly level: (typeof ROW_LEVELS)[number];
  readonly target: (typeof ROW_TARGETS)[number];
  readonly note?: string | undefined;
}

/** The promised value, in words. */
export function expectation({ value }: Pick<ReferenceRow, "value">): string {
  return typeof value === "object" ? value.join(", ") : String(value);
}
