import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { AUDIT_IDENTIFIER } from "../../egress/audit.ts";
import type { AuditRow } from "../judge/egress.ts";

const exec = promisify(execFile);

/** This session's rows in the machine's journal. The journal takes them in a moment after they were written. */
export async function readAudit(session: string): Promise<AuditRow[]> {
  for (let attempt = 0; ; attempt++) {
    const rows = await readJournal(session);
    if (rows.length > 0 || attempt === 3) return rows;
    await sleep(500);
  }
}

async function readJournal(session: string): Promise<AuditRow[]> {
  const args = ["--identifier", AUDIT_IDENTIFIER, "--output", "cat", "--lines", "500", "--no-pager", "--quiet"];
  const { stdout } = await exec("journalctl", args, { maxBuffer: 16 * 1024 * 1024 }).catch(() => ({ stdout: "" }));
  return stdout.split("\n").flatMap((line) => {
    try {
      const row = JSON.parse(line) as AuditRow;
      return row.session === session ? [row] : [];
    } catch {
      return [];
    }
  });
}
