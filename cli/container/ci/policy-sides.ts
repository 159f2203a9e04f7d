import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readPolicy } from "../../../guest/policy/read.ts";
import type { PolicyProblem, PolicyRun, ReadPolicy } from "../../../guest/policy/result.ts";

/** The policy file on one side of a change. */
export type Side =
  | { readonly there: false }
  | { readonly there: true; readonly text: string; readonly read: ReadPolicy };

/** The policy that holds, and what a pull request does to it. */
export interface Policies {
  /** The policy that holds. Absent: everything is denied. */
  readonly holds?: ReadPolicy;
  readonly from: "base" | "head";
  /** Present when a pull request changes the file. */
  readonly change?: PolicyChange;
}

/** A pull request's change of the policy file. */
export interface PolicyChange {
  readonly kind: "added" | "removed" | "changed";
  /** Settings that only the base has, and that only the head has. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Problems of the head's file. */
  readonly problems: readonly PolicyProblem[];
}

/**
 * Compares both sides. A pull request must not give itself more than the branch that it is for: unless the job says
 * otherwise, the base's policy holds.
 *
 * @param base the side that a pull request is for. Absent: this is no pull request, and the file as it is holds
 */
export function choosePolicy(head: Side, base: Side | undefined, from: "base" | "head"): Policies {
  const chosen = from === "base" && base !== undefined ? base : head;
  const change = base === undefined ? undefined : changeOf(base, head);
  return {
    ...(chosen.there ? { holds: chosen.read } : {}),
    from: chosen === head ? "head" : "base",
    ...(change === undefined ? {} : { change }),
  };
}

function changeOf(base: Side, head: Side): PolicyChange | undefined {
  const [before, after] = [base, head].map((side) => (side.there ? side.text : undefined));
  if (before === after) return undefined;
  const settings = (side: Side) => new Set(side.there && side.read.run ? settingsOf(side.read.run) : []);
  const [old, now] = [settings(base), settings(head)];
  return {
    kind: !base.there ? "added" : !head.there ? "removed" : "changed",
    removed: [...old].filter((one) => !now.has(one)),
    added: [...now].filter((one) => !old.has(one)),
    problems: head.there ? head.read.problems : [],
  };
}

/** The settings of a policy, one a line. Values of variables are left out. */
function settingsOf(run: PolicyRun): string[] {
  const { allow, allowPrivate, mount, env, ...rest } = run;
  return [
    ...allow.map((host) => `host ${host}`),
    ...allowPrivate.map((entry) => `private ${entry}`),
    ...mount.map((folder) => `folder ${folder}`),
    ...env.map((text) => `variable ${text.split("=")[0]}`),
    ...Object.entries(rest).map(([name, value]) => `${name} ${value}`),
  ];
}

/** Reads the policy file of a checkout. No link is followed, and nothing waits: the checkout is not ours. */
export async function headSide(folder: string, policy: string): Promise<Side> {
  const path = join(folder, policy);
  const wrong = (message: string): Side => ({
    there: true,
    text: "",
    read: { problems: [{ line: 1, column: 1, path: "", message }] },
  });
  if ((await lstat(path).catch(() => undefined)) === undefined) return { there: false };
  // A folder on the way could be a link out of the checkout.
  if ((await realpath(dirname(path))) !== dirname(join(await realpath(folder), policy)))
    return wrong("a folder of its path is a link");
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => error,
  );
  if (file instanceof Error)
    return wrong(["ELOOP", "ENXIO"].includes(file.code ?? "") ? "not a file" : `it cannot be read (${file.code})`);
  try {
    const info = await file.stat();
    if (!info.isFile()) return wrong("not a file");
    if (info.size > 64 * 1024) return wrong("it is larger than 64 KiB");
    const text = await file.readFile("utf8");
    return { there: true, text, read: readPolicy(text, { folder: dirname(path) }) };
  } finally {
    await file.close();
  }
}
