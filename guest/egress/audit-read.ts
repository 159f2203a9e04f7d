import { checkName } from "../sessions/names.ts";
import { RunRefused } from "../sessions/request.ts";
import { AUDIT_IDENTIFIER, AUDIT_NAMESPACE } from "./audit-journal.ts";

/**
 * The fields that a row must have, and that only the machine's root can give it: `_UID` is a field that journald sets
 * itself, from the socket that the row came by (systemd.journal-fields(7), "trusted journal fields"). The unit, which
 * journald looks up a moment later, is missing where the supervisor has ended by then.
 */
export const AUDIT_FIELDS = { _UID: "0", _TRANSPORT: "stdout", SYSLOG_IDENTIFIER: AUDIT_IDENTIFIER } as const;

/** The part of the audit log to read. Default: all of it, including older machines' rows on the session disk. */
export interface AuditReading {
  readonly session?: string | undefined;
  readonly lines?: number | undefined;
  readonly since?: string | undefined;
  /** Continues with the rows that are written later. Default: false. */
  readonly follow?: boolean | undefined;
}

/** @throws {RunRefused} when the name can be no session's */
export function checkReading({ session }: AuditReading): void {
  const message = session === undefined ? undefined : checkName(session);
  if (message === undefined) return;
  throw new RunRefused([
    { code: "CLOISTER_E_NAME", subject: "request", message: `--session ${JSON.stringify(session)}: ${message}` },
  ]);
}

/** The arguments of journalctl(1) that read rows, one JSON object a line, and nothing that somebody else wrote. */
export function auditReading({ session, lines, since, follow }: AuditReading = {}): string[] {
  return [
    ...[`--namespace=${AUDIT_NAMESPACE}`, "--output=cat", "--no-pager", "--quiet"],
    ...(lines === undefined ? [] : [`--lines=${lines}`]),
    ...(since === undefined ? [] : [`--since=${since}`]),
    ...(follow ? ["--follow", ...(lines === undefined ? ["--no-tail"] : [])] : []),
    // Names of sessions are letters and dashes. Older versions of journalctl cannot search for a fixed string.
    ...(session === undefined ? [] : [`--grep="session":"${session}"`, "--case-sensitive=yes"]),
    ...Object.entries(AUDIT_FIELDS).map(([field, value]) => `${field}=${value}`),
  ];
}
