/** Which state is the account's, when there is one here and one in the bucket. */
import { OperatorError } from "../errors.ts";

interface Exported {
  readonly deployment?: { readonly resources?: readonly { readonly urn: string; readonly id?: string }[] } | null;
}

/** How many resources an exported state has. */
export function resourcesIn(exported: string): number {
  return recordsOf(exported).size;
}

/** URNs of resources that one exported state has and another lacks, or has with another id. */
export function lackingIn(there: string, here: string): readonly string[] {
  const has = recordsOf(there);
  return [...recordsOf(here)].filter(([record]) => !has.has(record)).map(([, urn]) => urn);
}

/** A resource that is replaced may be there twice, with two ids. */
function recordsOf(exported: string): ReadonlyMap<string, string> {
  const { deployment } = JSON.parse(exported) as Exported;
  return new Map((deployment?.resources ?? []).map(({ urn, id }) => [JSON.stringify([urn, id ?? ""]), urn]));
}

/** Exported states, and where they are. */
export interface States {
  /** Absent: there is none. */
  readonly here?: string | undefined;
  readonly there: string;
  readonly bucket: string;
  /** The folder of the state that is here. */
  readonly folder: string;
}

/**
 * Tells which state is the account's: the bucket's, unless a move from here was interrupted before it had anything.
 *
 * @throws OperatorError when the bucket has none and here is none, since a second key would be made; and when what is here is
 * not all in the bucket, since it would be lost
 */
export function ownState({ here, there, bucket, folder }: States): "here" | "bucket" {
  const hasHere = here !== undefined && resourcesIn(here) > 0;
  if (resourcesIn(there) === 0) {
    if (hasHere) return "here";
    throw new OperatorError(
      `${bucket}: the account's own state in it is empty, and there is none in ${folder}. A run from another computer was interrupted: run the command there again. Nothing was changed.`,
    );
  }
  const lacking = hasHere ? lackingIn(there, here) : [];
  if (lacking.length > 0)
    throw new OperatorError(
      `${bucket}: the account's own state in it lacks ${lacking.length} of the resources in ${folder}:\n${lacking.map((urn) => `  ${urn}`).join("\n")}\nNothing was changed. Look in the account whether they are there. If not, or if a later run from another computer changed them, delete that folder and run the command again; else delete them by hand first.`,
    );
  return "bucket";
}
