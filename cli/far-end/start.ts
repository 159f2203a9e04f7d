import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { shellQuoted } from "../../infra/local/ssh.ts";

/** A far end to be started. */
export interface FarEnd {
  /** What a POSIX shell on the machine is to run. */
  readonly commandLine: string;
  /** The word before each of its lines. */
  readonly word: string;
}

/**
 * The command line that starts a far end. It goes along as readable source, comments left out: whoever audits what operators
 * start on machines (SSM keeps it in CloudTrail) sees a program, while the operator's own command, which may hold a secret,
 * travels inside the session only. It has 7,000 characters, of 65,535 that SSM takes (`SessionManagerParameterValue` in its
 * service model). It runs as root, which is the only one who may signal root's commands.
 */
export function farEnd(word = `cloister-${randomBytes(6).toString("hex")}`): FarEnd {
  const words = ["sudo", "-n", ...python("far_end.py"), word];
  return { commandLine: `exec ${words.map(shellQuoted).join(" ")}`, word };
}

/** The words that start a program of this folder on a machine: they hold it, without its comments. */
export function python(file: "far_end.py" | "copy_end.py"): string[] {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return ["python3", "-I", "-S", "-c", text.replace(/^ *(#|""").*\n|^\n/gm, "")];
}
