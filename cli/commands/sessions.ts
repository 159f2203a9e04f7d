import { checkName } from "../../guest/sessions/names.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { type Chosen, reach } from "./chosen.ts";

/** `cloister sessions ls`: runs the machine's own command. @returns its exit code */
export async function listSessions(chosen: Chosen, { json = false }: { readonly json?: boolean }): Promise<number> {
  return await passOn(chosen, ["cloister", "sessions", "ls", ...(json ? ["--json"] : [])]);
}

/** `cloister sessions rm`: runs the machine's own command. @returns its exit code */
export async function removeSessions(chosen: () => Chosen, names: readonly string[]): Promise<number> {
  const problems = names.flatMap((value) => {
    const message = checkName(value);
    return message === undefined ? [] : [{ code: "CLOISTER_E_NAME", subject: "name", value, message } as const];
  });
  if (problems.length > 0) throw new RunRefused(problems);
  return await passOn(chosen(), ["cloister", "sessions", "rm", ...names]);
}

async function passOn(chosen: Chosen, command: readonly string[]): Promise<number> {
  const { transport } = await reach(chosen);
  return await transport.exec(command, { stdout: process.stdout, stderr: process.stderr, signals: true });
}
