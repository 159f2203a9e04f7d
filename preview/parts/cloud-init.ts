import { createTwoFilesPatch } from "diff";
import type { CloudInitChange } from "../change-set/document.ts";
import { componentOf, nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { type Plain, plain, unknown } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { isOwn, readUserData, USER_DATA_LIMIT, type UserData } from "./user-data.ts";

/** What first boot does otherwise, once for all machines of which that is the same. */
export function cloudInitChanges(resources: readonly Merged[], scrubber: Scrubber): CloudInitChange[] {
  const decoded = new Map<string, UserData | undefined>();
  const read = (value: Plain | undefined): UserData | undefined => {
    if (typeof value !== "string") return undefined;
    if (!decoded.has(value)) decoded.set(value, readUserData(value));
    return decoded.get(value);
  };
  const found = new Map<string, CloudInitChange>();
  for (const resource of resources) {
    if (shortType(resource.type) !== "LaunchTemplate" || resource.op === "same" || resource.op === "delete") continue;
    const [a, b] = [userDataIn(resource.old), userDataIn(resource.new)];
    if (a === b) continue;
    const machine = componentOf(resource) || nameOf(resource.urn);
    const name = machine.split(" ").at(-1) ?? machine;
    const [before, after] = [read(a), read(b)];
    const made = {
      bytes: { before: before?.bytes ?? null, after: after?.bytes ?? null },
      limit: USER_DATA_LIMIT,
      files: before && after ? filesOf(before, after, scrubber) : [],
      note: noteOf(a, b, before, after),
    };
    // Two machines are alike where all that differs is their name.
    const key = JSON.stringify({ files: made.files, note: made.note }).replaceAll(name, "\u0000");
    const have = found.get(key);
    if (have) have.machines.push(machine);
    else found.set(key, { machines: [machine], ...made });
  }
  return [...found.values()];
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
    // Scrubbed before they are compared: a secret that is cut in two by a line of the difference would not be known again.
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
