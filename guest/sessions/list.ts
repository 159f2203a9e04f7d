import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { SESSION_USERS } from "../../contract/users.ts";
import { LOGS, LogStatus, logStatus } from "./log.ts";
import { checkName } from "./names.ts";
import { HOMES, holderAlive, RUNNING } from "./state.ts";

/** One session that is kept, or runs. */
export const KeptSession = z.strictObject({
  name: z.string().refine((name) => checkName(name) === undefined),
  /** The time when its home was made, ISO 8601, UTC. */
  since: z.iso.datetime(),
  /** Process that runs a command in it; absent when none does. */
  pid: z.int().optional(),
  /** Its latest detached run, whose output is in its log. */
  detached: LogStatus.optional(),
});
export type KeptSession = Readonly<z.infer<typeof KeptSession>>;

/**
 * Lists the sessions of this machine, sorted by name. It looks at homes and never enters them: a session controls their
 * content.
 */
export async function listSessions(
  roots: { homes: string; running: string; logs?: string } = { homes: HOMES, running: RUNNING },
): Promise<KeptSession[]> {
  const names = (await readdir(roots.homes).catch(() => [])).filter((name) => checkName(name) === undefined).sort();
  const found = await Promise.all(
    names.map(async (name): Promise<KeptSession[]> => {
      const home = await stat(join(roots.homes, name)).catch(() => undefined);
      if (!home?.isDirectory() || home.uid < SESSION_USERS.from || home.uid > SESSION_USERS.to) return [];
      const [pid, detached] = await Promise.all([
        holderAlive(join(roots.running, name)),
        logStatus(name, roots.logs ?? LOGS),
      ]);
      return [
        {
          name,
          since: home.birthtime.toISOString(),
          ...(pid === undefined ? {} : { pid }),
          ...(detached === undefined ? {} : { detached }),
        },
      ];
    }),
  );
  return found.flat();
}
