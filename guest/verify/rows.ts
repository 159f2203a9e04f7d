import { expectation, type ReferenceRow } from "../../contract/reference-row.ts";
import type { Row } from "../../contract/report.ts";
import type { Verdict, Verdicts } from "./judge/verdict.ts";

/** The facts that decide which rows bind this machine. */
export interface Context {
  readonly target: "local" | "aws" | "container";
  /** Debian's name: `amd64`, `arm64`. */
  readonly arch: string;
  /** os-release's ID: `ubuntu`, `debian`. */
  readonly distribution: string;
}

/** Compares every row of the reference with the verdicts. It is pure, and keeps the reference's order. */
export function makeRows(reference: readonly ReferenceRow[], verdicts: Verdicts, context: Context): Row[] {
  return reference.map((row) => makeRow(row, verdicts[row.id], context));
}

function makeRow(row: ReferenceRow, verdict: Verdict | undefined, context: Context): Row {
  const base = {
    id: row.id,
    group: row.group,
    fact: row.fact,
    level: row.level,
    expected: expectation(row),
    seen: "",
    fails: false,
  };
  const elsewhere = notHere(row, context);
  if (elsewhere !== undefined) return { ...base, status: "not-applicable", reason: elsewhere };
  if (verdict === undefined) {
    // A row that nobody looks at must not pass.
    return { ...base, status: "differs", reason: "nothing looks at this row", fails: row.level === "must" };
  }
  if ("notApplicable" in verdict) {
    return { ...base, seen: verdict.seen ?? "", status: "not-applicable", reason: verdict.notApplicable };
  }
  if ("notChecked" in verdict) return { ...base, status: "not-checked", reason: verdict.notChecked };
  const reason = verdict.reason === undefined ? {} : { reason: verdict.reason };
  if (verdict.ok) return { ...base, seen: verdict.seen, status: "ok", ...reason };
  const excuse = excused(row, context) ?? verdict.excuse;
  return {
    ...base,
    seen: verdict.seen,
    status: "differs",
    ...(excuse === undefined ? reason : { reason: excuse }),
    fails: row.level === "must" && excuse === undefined,
  };
}

/** Returns why a row cannot be kept or broken on this machine; undefined when it can. */
function notHere({ target }: ReferenceRow, { target: here, arch }: Context): string | undefined {
  if (target === "arm64" && arch !== "arm64") return `a row of arm64 machines; this one is ${arch}`;
  if (target === "container" && here !== "container") return `a row of containers; this is a machine of target ${here}`;
  if (target === "aws" && here !== "aws") return `a row of AWS; this is a machine of target ${here}`;
  return undefined;
}

/** Returns why a difference does not fail the verification, although it is reported; undefined when it fails it. */
function excused({ target }: ReferenceRow, { distribution }: Context): string | undefined {
  if (target !== "ubuntu" || distribution === "ubuntu") return undefined;
  return `a stand-in image (${distribution}) stands in for Ubuntu: reported, not held against it`;
}
