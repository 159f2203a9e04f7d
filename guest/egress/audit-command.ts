import { spawn } from "node:child_process";
import { exitCode } from "../lib/exec.ts";
import { type AuditReading, auditReading } from "./audit-read.ts";

/** `cloister audit`: prints rows of the audit log by journalctl(1), and only those that the machine wrote. */
export async function auditCommand(reading: AuditReading): Promise<number> {
  const child = spawn("journalctl", auditReading(reading), { stdio: ["ignore", "inherit", "inherit"] });
  // A Ctrl-C ends journalctl, which is in the same process group. This process waits for its exit code.
  process.on("SIGINT", () => {});
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(exitCode(code, signal)));
  });
}
