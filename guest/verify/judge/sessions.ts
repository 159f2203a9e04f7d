import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import type { ProbeReport } from "../probe-report.ts";
import { type Verdict, type Verdicts, verdict } from "./verdict.ts";

export interface SessionFacts {
  readonly name: string;
  readonly inside: ProbeReport;
  /** Permission bits of the home, octal, and its owner, as seen inside. */
  readonly home: { readonly mode: string; readonly uid: number };
  /** The session's user on the machine, by name; undefined when there is none. */
  readonly account?: { readonly uid: number; readonly home: string };
  /** Names of the mounts by mode. */
  readonly mounts: Readonly<Record<"ro" | "rw" | "rwd", string>>;
  readonly neighbour: NeighbourFacts;
}

/** The facts of a second session that ran at the same time. Its own access is the control. */
export interface NeighbourFacts {
  readonly name: string;
  readonly uid: number;
  /** Its own answers: each must be true, or its absence from the other session proves nothing. */
  readonly controls: Readonly<Record<"file" | "tmp" | "shm" | "ipc" | "port" | "token", boolean>>;
  /** Paths that it made, by kind, as the other session would write them. */
  readonly paths: readonly string[];
  /** An argument that one of its processes has, and none of the other session's. */
  readonly processMark: string;
  /** Port that it listens on, as the probe writes it. */
  readonly target: string;
  /** Status that the first session got with this session's proxy token. */
  readonly foreignTokenStatus?: number;
}

export function judgeSessions(facts: SessionFacts, promised: Reference = REFERENCE): Verdicts {
  return {
    N1: name(facts, promised.N1),
    N2: home(facts, promised.N2),
    N3: mounts(facts, promised.N3),
    N4: isolation(facts, promised.N4),
  };
}

/** Judges the name. Each `<word>` of the shape stands for a word of letters. */
function name({ name: seen }: SessionFacts, shape: Reference["N1"]): Verdict {
  const pattern = shape.replace(/<[a-z]+>/g, "[a-z]+");
  return verdict(seen, [!new RegExp(`^${pattern}$`).test(seen) && `not ${shape}`]);
}

function home(facts: SessionFacts, promised: Reference["N2"]): Verdict {
  const identity = facts.inside.identity;
  const wanted = promised.home.replace("<name>", facts.name);
  return verdict(`${identity?.home}, user ${facts.name} (${identity?.uid}), mode 0${facts.home.mode}`, [
    identity?.home !== wanted && `the home is not ${wanted}`,
    facts.account === undefined && `there is no user ${facts.name}`,
    facts.account !== undefined && facts.account.uid !== identity?.uid && "the command runs as another user",
    facts.home.uid !== identity?.uid && "the home belongs to another user",
    `0${facts.home.mode}` !== promised.mode && `the mode is not ${promised.mode}`,
    identity?.uid === facts.neighbour.uid && "two sessions share a user",
  ]);
}

/**
 * Judges the mounts. Each mode is the control of the one before it: `rw` allows what `ro` refuses, and `rwd` allows
 * what `rw` refuses. The file to delete was there before the session; a session may delete its own files in both modes.
 */
function mounts({ inside, mounts: names, name: session }: SessionFacts, promised: Reference["N3"]): Verdict {
  const at = (mode: "ro" | "rw" | "rwd") =>
    `${promised.at.replace("<name>", session).replace("<folder>", names[mode])}/`;
  const written = (mode: "ro" | "rw" | "rwd") => inside.write?.find(({ path }) => path.startsWith(at(mode)));
  const removed = (mode: "ro" | "rw" | "rwd") => inside.remove?.find(({ path }) => path.startsWith(at(mode)));
  const given = inside.file?.find(({ path }) => path.startsWith(at("ro")));
  const [ro, rw, rwd] = [written("ro"), written("rw"), written("rwd")];
  const did = (what: string, outcome?: { ok: boolean; errno?: string }) =>
    `${what} ${outcome?.ok ? "yes" : (outcome?.errno ?? "no")}`;
  return verdict(
    `ro: ${did("read", given)}, ${did("write", ro?.made)}; rw: ${did("write", rw?.made)}, ${did("delete", removed("rw"))}; ` +
      `rwd: ${did("write", rwd?.made)}, ${did("delete", removed("rwd"))}`,
    [
      given?.ok !== true && "ro cannot be read",
      ro?.made.ok !== false && "ro can be written",
      removed("ro")?.ok !== false && "in ro things can be deleted",
      rw?.made.ok !== true && "rw cannot be written",
      removed("rw")?.ok !== false && "in rw things can be deleted that were there before",
      rw?.removed?.ok !== true && "in rw a session cannot delete what it made itself",
      rwd?.made.ok !== true && "rwd cannot be written",
      removed("rwd")?.ok !== true && "in rwd nothing can be deleted",
    ],
  );
}

/** The things that are looked at below, in the reference's words. */
const HIDDEN = ["files", "processes", "IPC", "/tmp", "/dev/shm", "ports", "proxy tokens"];

function isolation({ inside, neighbour }: SessionFacts, promised: Reference["N4"]): Verdict {
  const seenFiles = neighbour.paths.filter((wanted) => inside.file?.find(({ path }) => path === wanted)?.ok !== false);
  const foreign = (inside.processes ?? []).filter(({ cmdline }) => cmdline.includes(neighbour.processMark));
  const ipc = Object.values(inside.shm ?? { unknown: ["?"] }).flat();
  const port = inside.connect?.find(({ target }) => target === neighbour.target);
  const failed = Object.entries(neighbour.controls).filter(([, ok]) => !ok);
  const others = promised.hidden.filter((what) => !HIDDEN.includes(what));
  const problems = [
    others.length > 0 && `nothing looks at: ${others.join(", ")}`,
    seenFiles.length > 0 && `its files can be read: ${seenFiles.join(", ")}`,
    (foreign.length > 0 || inside.processes === undefined) && "its processes can be seen",
    ipc.length > 0 && "its System V IPC objects can be seen",
    port?.ok !== false && "its port can be reached",
    neighbour.foreignTokenStatus !== 407 && `its proxy token is taken: status ${neighbour.foreignTokenStatus ?? "?"}`,
    failed.length > 0 && `the other session itself failed at: ${failed.map(([what]) => what).join(", ")}`,
  ];
  const kept = problems.every((problem) => problem === false);
  return verdict(kept ? `none: ${HIDDEN.join(", ")}` : "something", problems);
}
