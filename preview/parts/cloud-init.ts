import { createHash } from "node:crypto";
import { createTwoFilesPatch } from "diff";
import type { CloudInitChange } from "../change-set/document.ts";
import { componentOf, nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { type Plain, plain, unknown } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { bytesOf, isOwn, readUserData, textOf, USER_DATA_LIMIT, type UserData } from "./user-data.ts";

/** The changes of the first boot. Machines with the same changes share one entry. */
export function cloudInitChanges(resources: readonly Merged[], scrubber: Scrubber): CloudInitChange[] {
  const found = new Map<string, CloudInitChange>();
  for (const resource of resources) {
    if (shortType(resource.type) !== "LaunchTemplate" || resource.op === "same" || resource.op === "delete") continue;
    const [a, b] = [userDataIn(resource.old), userDataIn(resource.new)];
    if (a === b) continue;
    const machine = componentOf(resource) || nameOf(resource.urn);
    // Two machines are alike when only their names differ. We check this before we decode user data, which is slow.
    const key = likeness(machine.split(" ").at(-1) ?? machine, a, b);
    const have = found.get(key);
    if (have) have.machines.push(machine);
    else found.set(key, { machines: [machine], ...changeOf(a, b, scrubber) });
  }
  // Entries that show no difference from each other become one row too.
  const rows = new Map<string, CloudInitChange>();
  for (const one of found.values()) {
    const name = one.machines[0]?.split(" ").at(-1) ?? "";
    const key = JSON.stringify([one.files, one.note]).replaceAll(`"${name}"`, "");
    const have = rows.get(key);
    if (have) have.machines.push(...one.machines);
    else rows.set(key, one);
  }
  return [...rows.values()];
}

function likeness(name: string, ...data: readonly (Plain | undefined)[]): string {
  const texts = data.map((one) =>
    typeof one === "string" ? (textOf(one) ?? one) : one === undefined ? "none" : "unknown",
  );
  return createHash("sha256")
    .update(texts.join("\u0000").replaceAll(`"${name}"`, ""))
    .digest("hex");
}

function changeOf(a: Plain | undefined, b: Plain | undefined, scrubber: Scrubber): Omit<CloudInitChange, "machines"> {
  const bytes = (one: Plain | undefined): number | null => (typeof one === "string" ? bytesOf(one) : null);
  const [before, after] =
    typeof a === "string" && typeof b === "string" ? [readUserData(a), readUserData(b)] : [undefined, undefined];
  return {
    bytes: { before: bytes(a), after: bytes(b) },
    limit: USER_DATA_LIMIT,
    files: before && after ? filesOf(before, after, scrubber) : [],
    note: noteOf(a, b, before, after),
  };
}

function userDataIn(state: Merged["old"]): Plain | undefined {
  const value = state?.inputs["userData"];
  return value === undefined ? undefined : plain(value);
}

function noteOf(a: Plain | undefined, b: Plain | undefined, before?: UserData, after?: UserData): string {
  if (b === unknown)
    return "The new user data is known after the deploy: the image or a log group in it is made by it.";
  if (a === undefined) return "New.";
  return before && after ? "" : "It is not what this program renders, and is not shown.";
}

function filesOf(before: UserData, after: UserData, scrubber: Scrubber): CloudInitChange["files"] {
  const paths = [...new Set([...Object.keys(before.files), ...Object.keys(after.files)])].sort();
  return paths.flatMap((path) => {
    const [a, b] = [before.files[path], after.files[path]];
    if (a === b) return [];
    const change = a === undefined ? ("added" as const) : b === undefined ? ("removed" as const) : ("changed" as const);
    // We scrub before we compare: if the difference cut a secret into two lines, we would not recognize it.
    const [one, other] = [scrubber.text(a ?? ""), scrubber.text(b ?? "")];
    return [{ path: scrubber.text(path), change, diff: isOwn(path) ? patch(one, other) : null }];
  });
}

function patch(before: string, after: string): string {
  const lines = createTwoFilesPatch("before", "after", before, after, "", "", { context: 1 }).split("\n");
  const body = lines
    .filter((line) => !/^(?:===|---|\+\+\+|\\ No newline)/.test(line))
    .join("\n")
    .trim();
  return body === "" ? "(only in what is not shown)" : body;
}
