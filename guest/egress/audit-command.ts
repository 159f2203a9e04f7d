import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { exitCode } from "../lib/exec.ts";
import { type AuditReading, auditReading } from "./audit-read.ts";
import { parseAuditRow } from "./audit-rows.ts";

/** The part of the log that `cloister audit` prints. */
export interface AuditChoice extends AuditReading {
  /** Only rows of what was denied. Default: false. */
  readonly denied?: boolean | undefined;
}

/** `cloister audit`: prints rows of the audit log by journalctl(1), and only those that the machine wrote. */
export async function auditCommand({ denied = false, ...reading }: AuditChoice): Promise<number> {
  const child = spawn("journalctl", auditReading(reading), { stdio: ["ignore", denied ? "pipe" : "inherit", "pipe"] });
  // A Ctrl-C ends journalctl, which is in the same process group. This process waits for its exit code.
  process.on("SIGINT", () => {});
  let said = 0;
  child.stderr?.on("data", (data: Buffer) => {
    said += data.length;
    process.stderr.write(data);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(exitCode(code, signal)));
  });
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      if (parseAuditRow(line)?.verdict === "denied") process.stdout.write(`${line}\n`);
    }
  }
  const code = await ended;
  // A search that finds nothing ends with 1 and without a word: an empty log is no failure.
  return code === 1 && said === 0 ? 0 : code;
}
