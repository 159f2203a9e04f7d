import { createWriteStream, type WriteStream } from "node:fs";
import { access, appendFile, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AuditLog, auditInto, type RowStream } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";

/** The operator's folder for the rows, if one is mounted. Rows there outlive the container. */
export const AUDIT_FOLDER = "/audit";
const OTHERWISE = "/run/cloister";
/** The name of the file in that folder. */
export const AUDIT_FILE = "audit.jsonl";

/** Maximum that may wait to be written, in bytes. */
const MOST_WAITING = 1 << 20;

/**
 * Returns the file of the audit rows, one JSON object a line. It is in {@link AUDIT_FOLDER}, or else in memory, where
 * it ends with the container.
 */
export async function auditFile(): Promise<string> {
  const usable = await access(AUDIT_FOLDER, constants.W_OK).then(
    () => true,
    () => false,
  );
  return join(usable ? AUDIT_FOLDER : OTHERWISE, AUDIT_FILE);
}

/** Makes the audit log of one session of a container, which has no journal. */
export const fileAudit = (onProblem: (line: string) => void, path: string): AuditLog =>
  auditInto(onProblem, (onFailure) => new FileRows(path, onFailure));

/** The row that stands where rows are missing: a session may fill a disk, and make room again before anybody looks. */
export interface LostRows {
  /** Why they could not be written. */
  readonly lost: string;
}

class FileRows implements RowStream {
  readonly #file: WriteStream;
  readonly #path: string;
  #failed: string | undefined;

  constructor(path: string, onFailure: (why: string, rows: number) => void) {
    this.#path = path;
    // Append whole lines only: several sessions of one container write to one file.
    this.#file = createWriteStream(path, { flags: "a", mode: 0o600 });
    this.#file.on("error", (error) => {
      if (this.#failed === undefined) onFailure(error.message, 1);
      this.#failed ??= error.message;
    });
  }

  ready(last = false): boolean {
    return this.#failed === undefined && (last || this.#file.writableLength < MOST_WAITING);
  }

  write(line: string): void {
    this.#file.write(`${line}\n`);
  }

  async close(): Promise<void> {
    if (this.#failed !== undefined) return this.#tellLost(this.#failed);
    await new Promise<void>((resolve) => {
      this.#file.once("close", () => resolve());
      this.#file.end();
    });
    if (this.#failed !== undefined) await this.#tellLost(this.#failed);
  }

  async #tellLost(lost: string): Promise<void> {
    // The last row may be there in part. Where there is still no room, whoever reads the log has no room for a summary either.
    await appendFile(this.#path, `\n${JSON.stringify({ lost } satisfies LostRows)}\n`).catch(() => {});
  }
}

/** Reads the rows of one session, or of all. */
export async function readRows(session?: string): Promise<EgressDecision[]> {
  const text = await readFile(await auditFile(), "utf8").catch(() => "");
  return text.split("\n").flatMap((line): EgressDecision[] => {
    try {
      const row = JSON.parse(line) as EgressDecision | { readonly counted: number } | LostRows;
      return "host" in row && (session === undefined || row.session === session) ? [row] : [];
    } catch {
      return [];
    }
  });
}
