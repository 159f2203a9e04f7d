import type { Check, Wall } from "../check.ts";

/** Reasons why a wall of a machine, or one check of it, has nothing to attack in a container. */
const NO_USERS = "a container has one user: there is no other who could be attacked, or could attack";
const NO_KEEPING = "a container keeps no sessions: their homes end with their commands";
const NO_SYSTEMD = "there is no systemd, journal or D-Bus in a container";
const ENGINES_LIMITS = "limits are the engine's, for the whole container: sessions in it share them";

/** By wall, or by check (`wall.name`), which goes before. */
const ABSENT: Readonly<Record<string, string>> = {
  removal: NO_KEEPING,
  copies: "files are copied by the operator's command, which this suite has no container stack for",
  screens: "a container's operator runs its sessions by its own command, without a stack",
  syncs: "folders are synced by the operator's command, which this suite has no container stack for",
  forwards: "ports are forwarded by the operator's command, which this suite has no container stack for",
  audit:
    "the audit log is one file of the container's user, which no session sees; a machine's journal is what this wall attacks",
  edge: "the way to this computer's networks is the engine's; sessions have none (proxies.direct, reference.sockets)",
  outside: NO_USERS,
  secrets: NO_USERS,
  killed: "a killed supervisor is ended with its container: there is no keeper that could fail",
  limits: ENGINES_LIMITS,
  leftovers: NO_SYSTEMD,
  "work.trash": "`cloister trash` is a machine's: the trash is .cloister-trash in the caller's own folder",
  "work.trash-git": "`cloister trash` is a machine's: the trash is .cloister-trash in the caller's own folder",
  "marks.kept-home": NO_KEEPING,
  "bits.home": NO_KEEPING,
  "bits.inside":
    "no program in the container can give rights, outside of a session either: --security-opt=no-new-privileges",
  "bridges.scripts": NO_KEEPING,
  "reference.crash": "the handler of crashes is the computer's own, which this suite leaves as it is",
  "bridges.modules": "modules are the host's: a container has none that it could load",
  "bridges.locked": "modules are the host's: a container has none that it could load",
  rights: "a container has no process of root's: its supervisor is the user who started it",
};

/** Why a check does not apply in a container; nothing where it does. */
export function whyNotInContainer({ id, wall }: Pick<Check, "id" | "wall">): string | undefined {
  return ABSENT[id] ?? ABSENT[wall];
}

/** The walls as a container has them: checks that do not apply are rows too, with the reason. */
export function inContainer(walls: readonly Wall[]): Wall[] {
  return walls.map((wall) => ({
    ...wall,
    checks: wall.checks.map((check) => {
      const absent = whyNotInContainer(check);
      return absent === undefined ? check : { ...check, attack: () => Promise.resolve({ absent }) };
    }),
  }));
}

/** Every name that the list above uses: a test holds them against the suite's. */
export const NAMED = Object.keys(ABSENT);
