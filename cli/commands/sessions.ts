import { z } from "zod";
import { neutral, neutralJson } from "../../guest/lib/neutral.ts";
import { KeptSession } from "../../guest/sessions/list.ts";
import { checkName } from "../../guest/sessions/names.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { sessionList } from "../../guest/sessions/text.ts";
import { capture } from "../capture.ts";
import { OperatorError } from "../errors.ts";
import { rememberSessions } from "../known-names.ts";
import { passOn } from "../pass-on.ts";
import type { Transport } from "../transport.ts";
import { type Chosen, reach } from "./chosen.ts";

/** `cloister sessions ls`: shows the machine's own list as this side's screen takes it. @returns its exit code */
export async function listSessions(chosen: Chosen, { json = false }: { readonly json?: boolean }): Promise<number> {
  const { stack, machine, transport } = await reach(chosen);
  const { exitCode, found, said } = await askForSessions(transport);
  process.stderr.write(said);
  if (found === undefined) return exitCode;
  rememberSessions({ stack: stack.name, machine: machine.name }, () => found.map(({ name }) => name));
  process.stdout.write(json ? `${neutralJson(found, 2)}\n` : await sessionList(found, process.stdout));
  return 0;
}

/**
 * Asks a machine for its list. A machine may be in a session's hands: a list in which anything but names, times and
 * numbers is written is refused, and the errors are made harmless for a terminal.
 *
 * @returns the list, when the command succeeded; its exit code; and its errors
 * @throws OperatorError when the list cannot be read
 */
export async function askForSessions(
  transport: Pick<Transport, "exec">,
): Promise<{ readonly exitCode: number; readonly found?: KeptSession[]; readonly said: string }> {
  const command = ["cloister", "sessions", "ls", "--json"];
  const { exitCode, stdout, stderr } = await capture(transport, command, { signals: true });
  const said = neutral(stderr);
  return exitCode === 0 ? { exitCode, found: parse(stdout), said } : { exitCode, said };
}

function parse(text: string): KeptSession[] {
  try {
    return z.array(KeptSession).parse(JSON.parse(text));
  } catch (error) {
    throw new OperatorError("the machine's list of sessions cannot be read: bring the stack up again.", {
      code: "CLOISTER_E_STACK_DOWN",
      cause: error,
    });
  }
}

/** `cloister sessions rm`: runs the machine's own command. @returns its exit code */
export async function removeSessions(chosen: () => Chosen, names: readonly string[]): Promise<number> {
  mustBeNames(names);
  const { stack, machine, transport } = await reach(chosen());
  const code = await passOn(transport, ["cloister", "sessions", "rm", ...names]);
  if (code === 0) {
    rememberSessions({ stack: stack.name, machine: machine.name }, (known) =>
      known.filter((name) => !names.includes(name)),
    );
  }
  return code;
}

/** `cloister sessions stop`: runs the machine's own command. @returns its exit code */
export async function stopSessions(chosen: () => Chosen, names: readonly string[]): Promise<number> {
  mustBeNames(names);
  const { transport } = await reach(chosen());
  return await passOn(transport, ["cloister", "sessions", "stop", ...names]);
}

/** `cloister logs`: runs the machine's own command. On a terminal the text, a session's, is made harmless. */
export async function logs(chosen: () => Chosen, name: string, { follow = false }: { readonly follow?: boolean }) {
  mustBeNames([name]);
  const { transport } = await reach(chosen());
  return await passOn(transport, ["cloister", "logs", name, ...(follow ? ["--follow"] : [])]);
}

function mustBeNames(names: readonly string[]): void {
  const problems = names.flatMap((value) => {
    const message = checkName(value);
    return message === undefined ? [] : [{ code: "CLOISTER_E_NAME", subject: "name", value, message } as const];
  });
  if (problems.length > 0) throw new RunRefused(problems);
}
