import { join, resolve, sep } from "node:path";
import { parseMount } from "../../../guest/sessions/mounts.ts";
import { MOUNT_MODES, type MountRequest } from "../../../guest/sessions/request.ts";
import { isWithin, real } from "./paths.ts";

/** The places of a step. */
export interface Places {
  /** The folder that the session sees as its checkout. */
  readonly folder: string;
  /** Its name below `mnt/`: of it the settings have judged already what it covers. */
  readonly name: string;
  readonly results: string;
}

/**
 * Judges the folders of a step's session by where they lead.
 *
 * @param mounts each as `DIR:NAME:MODE`; the folders are there
 * @returns a sentence for each folder that a link in the checkout leads to, and for each that the session may write and
 *   that covers what the job's runner reads
 */
export function wrongFolders(mounts: readonly string[], places: Places, environment: NodeJS.ProcessEnv): string[] {
  const { GITHUB_WORKSPACE: workspace, CI_PROJECT_DIR: project } = environment;
  const checkouts = [workspace || project || places.folder, places.folder].map(real);
  const own = ownPlaces(places, environment);
  const problems: string[] = [];
  for (const mount of mounts.map(parseMount)) {
    if ("problem" in mount) continue;
    const complain = (what: string) => problems.push(`the folder ${mount.name} (${mount.source}): ${what}`);
    const link = linkWithin(mount.source, checkouts);
    if (link !== undefined) {
      complain(`${link} is a link in the checkout, which decides where it leads; name the folder itself`);
    } else if (mount.name !== places.name && writable(mount)) {
      const source = real(mount.source);
      for (const { path, what, within } of own) {
        if (!isWithin(path, source) && !(within && isWithin(source, path))) continue;
        complain(`the session could write ${what} (${path}); name another folder, or write mode: ro`);
      }
    }
  }
  return problems;
}

const writable = ({ mode }: MountRequest) => MOUNT_MODES.includes(mode) && mode !== "ro";

/** Files and folders that the step and its runner read after the session. Nothing `within` them may be written either. */
function ownPlaces({ results }: Places, environment: NodeJS.ProcessEnv) {
  const own = (name: string, what: string, within: boolean) =>
    environment[name] ? [{ path: environment[name], what, within }] : [];
  const all = [
    { path: results, what: "the step's results", within: true },
    ...own("GITHUB_ACTION_PATH", "the action's own files", true),
    // container/ci/run.sh runs the step there.
    { path: process.cwd(), what: "cloister's own files", within: true },
    ...own("RUNNER_TEMP", "the runner's temporary files", false),
    ...["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH"].flatMap((name) =>
      own(name, "a file of the runner's", false),
    ),
  ];
  return all.map((one) => ({ ...one, path: real(one.path) }));
}

/** The first part of a path that a link makes, in one of the folders. Links outside of them are the runner's own. */
function linkWithin(path: string, folders: readonly string[]): string | undefined {
  let at: string = sep;
  for (const part of resolve(path).split(sep).filter(Boolean)) {
    const next = join(at, part);
    const found = real(next);
    if (found !== next && folders.some((folder) => isWithin(at, folder))) return next;
    at = found;
  }
  return undefined;
}
