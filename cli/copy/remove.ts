import { lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Place, stand, type Way } from "./place.ts";

/**
 * Removes a folder of this computer with all that is in it. Its paths may be longer than the system takes in one call: a
 * session has nested folders, and a copy makes them one by one. What is not there is removed already.
 */
export function removeTree(path: string, way?: Way): void {
  remove(stand(dirname(path), way), Buffer.from(basename(path)));
}

/** A copy has at most `DEEPEST` folders in folders. */
function remove(place: Place, name: Buffer): void {
  const seen = lstatSync(place.at(name), { throwIfNoEntry: false });
  if (seen === undefined) return;
  if (!seen.isDirectory()) {
    unlinkSync(place.at(name));
    return;
  }
  place.enter(name);
  try {
    for (const inner of readdirSync(place.self, { encoding: "buffer" })) remove(place, inner);
  } finally {
    place.leave();
  }
  rmdirSync(place.at(name));
}
