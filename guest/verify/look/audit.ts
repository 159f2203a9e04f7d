import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { auditReading } from "../../egress/audit-read.ts";
import type { AuditRow } from "../judge/egress.ts";

const exec = promisify(execFile);

/** Returns this session's rows in the machine's audit log. The journal stores rows a moment after they were written. */
export async function readAudit(session: string): Promise<AuditRow[]> {
  for (let attempt = 0; ; attempt++) {
    const rows = await readJournal(session);
    if (rows.length > 0 || attempt === 3) return rows;
    await sleep(500);
  }
}

async function readJournal(session: string): Promise<AuditRow[]> {
  const options = { maxBuffer: 16 * 1024 * 1024 };
  const { stdout } = await exec("journalctl", auditReading({ lines: 500 }), options).catch(() => ({ stdout: "" }));
  return stdout.split("\n").flatMap((line) => {
    try {
      const row = JSON.parse(line) as AuditRow | { readonly counted: number };
      return !("counted" in row) && row.session === session ? [row] : [];
    } catch {
      return [];
    }
  });
}
