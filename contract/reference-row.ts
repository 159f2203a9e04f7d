import type { Group } from "./report.ts";

/** `must` rows fail a verification when they differ; `parity` rows are compared and reported. */
export const ROW_LEVELS = ["must", "parity"] as const;

/** The machines on which a row can be seen. */
export const ROW_TARGETS = ["any", "arm64", "ubuntu", "aws", "container"] as const;

/** One fact of the reference. */
export type Fact = string | number | boolean | readonly string[];

/** One promise of reference.yaml: a fact, and the machines on which it can be seen. */
export interface ReferenceRow {
  readonly id: string;
  readonly group: Group;
  readonly fact: string;
  /** A fact, or several by name. */
  readonly value: Fact | Readonly<Record<string, Fact>>;
  /** The facts in words: each `{name}` stands for one. Absent when the value needs no words. */
  readonly shown?: string;
  readonly level: (typeof ROW_LEVELS)[number];
  readonly target: (typeof ROW_TARGETS)[number];
  readonly note?: string;
}

/** The promised value of a row, in words. */
export function expectation({ value, shown }: Pick<ReferenceRow, "value" | "shown">): string {
  if (shown === undefined) return inWords(value as Fact);
  const facts = value as Readonly<Record<string, Fact>>;
  return shown.replace(/\{(\w+)\}/g, (_, name: string) => inWords(facts[name] ?? "?"));
}

const inWords = (fact: Fact): string => (typeof fact === "object" ? fact.join(", ") : String(fact));
