import { once } from "node:events";
import { Neutral } from "../../guest/lib/neutral.ts";
import { checkName } from "../../guest/sessions/names.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { type Chosen, reach } from "./chosen.ts";

/** `cloister sessions ls`: runs the machine's own command. @returns its exit code */
export async function listSessions(chosen: Chosen, { json = false }: { readonly json?: boolean }): Promise<number> {
  return await passOn(chosen, ["cloister", "sessions", "ls", ...(json ? ["--json"] : [])]);
}

/** `cloister sessions rm`: runs the machine's own command. @returns its exit code */
export async function removeSessions(chosen: () => Chosen, names: readonly string[]): Promise<number> {
  mustBeNames(names);
  return await passOn(chosen(), ["cloister", "sessions", "rm", ...names]);
}

/** `cloister sessions stop`: runs the machine's own command. @returns its exit code */
export async function stopSessions(chosen: () => Chosen, names: readonly string[]): Promise<number> {
  mustBeNames(names);
  return await passOn(chosen(), ["cloister", "sessions", "stop", ...names]);
}

/** `cloister logs`: runs the machine's own command. On a terminal the text, a session's, is made harmless. */
export async function logs(chosen: () => Chosen, name: string, { follow = false }: { readonly follow?: boolean }) {
  mustBeNames([name]);
  const { transport } = await reach(chosen());
  const harmless = process.stdout.isTTY ? new Neutral() : undefined;
  harmless?.pipe(process.stdout, { end: false });
  const code = await transport.exec(["cloister", "logs", name, ...(follow ? ["--follow"] : [])], {
    stdout: harmless ?? process.stdout,
    stderr: process.stderr,
    signals: true,
  });
  if (harmless !== undefined) {
    harmless.end();
    await once(harmless, "end");
  }
  return code;
}

function mustBeNames(names: readonly string[]): void {
  const problems = names.flatMap((value) => {
    const message = checkName(value);
    return message === undefined ? [] : [{ code: "CLOISTER_E_NAME", subject: "name", value, message } as const];
  });
  if (problems.length > 0) throw new RunRefused(problems);
}

async function passOn(chosen: Chosen, command: readonly string[]): Promise<number> {
  const { transport } = await reach(chosen);
  return await transport.exec(command, { stdout: process.stdout, stderr: process.stderr, signals: true });
}
