import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { shellQuoted } from "../../infra/local/ssh.ts";

/** A remote helper to be started. */
export interface RemoteHelper {
  /** The command line for a POSIX shell on the machine. */
  readonly commandLine: string;
  /** The word before each of its lines. */
  readonly word: string;
}

/**
 * The command line that starts a remote helper. The remote helper goes along as readable source without comments. SSM keeps this
 * command line in CloudTrail: an auditor sees a program there. The operator's own command, which may hold a secret,
 * travels inside the session only. The command line has 7,000 characters, of 65,535 that SSM takes
 * (`SessionManagerParameterValue` in its service model). The remote helper runs as root: only root may signal root's
 * commands.
 */
export function remoteHelper(word = `cloister-${randomBytes(6).toString("hex")}`): RemoteHelper {
  const words = ["sudo", "-n", ...python("remote_helper.py"), word];
  return { commandLine: `exec ${words.map(shellQuoted).join(" ")}`, word };
}

/** The words that start a program of this folder on a machine: they hold it, without its comments. */
export function python(file: "remote_helper.py" | "copy_end.py"): string[] {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return ["python3", "-I", "-S", "-c", text.replace(/^ *(#|""").*\n|^\n/gm, "")];
}
