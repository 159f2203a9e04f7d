import { once } from "node:events";
import { Neutral } from "../lib/neutral.ts";
import { logStatus, readLog } from "../sessions/log.ts";
import { checkName } from "../sessions/names.ts";
import { RunRefused, SessionFailed } from "../sessions/request.ts";
import { holderAlive, sessionPaths } from "../sessions/state.ts";

/**
 * `cloister logs`: prints the output of a session's detached run. On a terminal it is made harmless: a session wrote it.
 *
 * @param follow goes on until the run has ended. @returns 0
 */
export async function logsCommand(name: string, { follow = false }: { readonly follow?: boolean }): Promise<number> {
  const message = checkName(name);
  if (message !== undefined) throw new RunRefused([{ code: "CLOISTER_E_NAME", subject: "name", value: name, message }]);
  if ((await logStatus(name)) === undefined) {
    throw new SessionFailed(`there is no log of a session ${name}: only runs with --detach have one`, {
      code: "CLOISTER_E_SESSION_UNKNOWN",
    });
  }
  const runs = async () => follow && (await holderAlive(sessionPaths(name).running)) !== undefined;
  const harmless = process.stdout.isTTY ? new Neutral() : undefined;
  harmless?.pipe(process.stdout, { end: false });
  const to = harmless ?? process.stdout;
  let gone = false;
  process.stdout.on("error", () => {
    gone = true;
  });
  for await (const data of readLog(name, async () => !gone && (await runs()))) {
    if (gone) break;
    if (!to.write(data)) await Promise.race([once(to, "drain"), once(process.stdout, "error")]);
  }
  if (harmless !== undefined) {
    harmless.end();
    await once(harmless, "end");
  }
  return 0;
}
