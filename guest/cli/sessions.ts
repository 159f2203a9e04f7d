import type { Command } from "commander";
import { checkName } from "../sessions/names.ts";
import { RunRefused, SessionFailed } from "../sessions/request.ts";
import { removeSession } from "../sessions/session.ts";
import { say } from "./exit.ts";

/** Registers `cloister sessions ls|rm|stop` and `cloister remove`, its older name. */
export function registerSessions(program: Command): void {
  const sessions = program.command("sessions").description("Lists and removes sessions that are kept.");
  sessions
    .command("ls")
    .description("Lists the sessions that are kept or run. A second command in one: cloister run --name NAME -- ...")
    .option("--json", "prints JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const { listSessions } = await import("../sessions/list.ts");
      const found = await listSessions();
      if (json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
      else process.stdout.write(await (await import("../sessions/text.ts")).sessionList(found, process.stdout));
    });
  sessions
    .command("rm")
    .description("Removes kept sessions for good: their homes with everything in them, and their users.")
    .argument("<session...>")
    .action(removeAll);
  sessions
    .command("stop")
    .description("Ends what runs in sessions, detached or not. Kept sessions stay.")
    .argument("<session...>")
    .action(async (names: string[]) => {
      mustBeNames(names);
      const { stopSession } = await import("../sessions/stop.ts");
      for (const name of names) if (!(await stopSession(name))) say(`nothing runs in the session ${name}`);
    });
  program
    .command("remove")
    .description("The same as `sessions rm`.")
    .argument("<session>")
    .action(async (name: string) => await removeAll([name]));
}

function mustBeNames(names: readonly string[]): void {
  const wrong = names.flatMap((name) => {
    const message = checkName(name);
    return message === undefined ? [] : [{ code: "CLOISTER_E_NAME", subject: "name", value: name, message } as const];
  });
  if (wrong.length > 0) throw new RunRefused(wrong);
}

/** Refuses all names when one of them cannot be a session's name. Other problems are reported for each session. */
async function removeAll(names: readonly string[]): Promise<void> {
  mustBeNames(names);
  const problems: string[] = [];
  let first: SessionFailed | undefined;
  for (const name of names) {
    try {
      problems.push(...(await removeSession(name)));
    } catch (error) {
      if (!(error instanceof SessionFailed)) throw error;
      first ??= error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0)
    throw new SessionFailed(problems.join("\n"), first === undefined ? {} : { code: first.code });
}
