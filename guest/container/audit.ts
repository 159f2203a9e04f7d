import { createWriteStream, type WriteStream } from "node:fs";
import { access, appendFile, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AuditLog, auditInto, type RowStream } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { type MountFacts, parseMounts } from "./look.ts";

/** The operator's folder for the rows, if one is mounted. Rows there outlive the container. */
export const AUDIT_FOLDER = "/audit";
const OTHERWISE = "/run/cloister";
/** The name of the file in that folder. */
export const AUDIT_FILE = "audit.jsonl";

/** Maximum that may wait to be written, in bytes. */
const MOST_WAITING = 1 << 20;

/**
 * Returns the file of the audit rows, one JSON object a line. It is in {@link AUDIT_FOLDER} where that is mounted, or else
 * in memory, where it ends with the container.
 *
 * @param mounts the container's mounts
 */
export function auditFile(mounts: readonly Pick<MountFacts, "path">[], folder: string = AUDIT_FOLDER): string {
  return join(mounts.some(({ path }) => path === folder) ? folder : OTHERWISE, AUDIT_FILE);
}

/**
 * Looks at the operator's folder. Rows that were to outlive the container must not go into its memory without a word.
 *
 * @returns the reason why no rows can be written there; undefined when they can, or when no folder is mounted
 */
export async function auditProblem(
  mounts: readonly Pick<MountFacts, "path">[],
  folder: string = AUDIT_FOLDER,
): Promise<string | undefined> {
  const file = auditFile(mounts, folder);
  if (!file.startsWith(`${folder}/`)) return undefined;
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    await access(file, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    return undefined;
  } catch (error) {
    const user = process.getuid?.() ?? "another";
    return `the audit log cannot be written: ${(error as Error).message}: mount a folder on ${folder} that user ${user} may write, or none`;
  }
}

/** Makes the audit log of one session of a container, which has no journal. Its last row is a {@link WholeLog}. */
export const fileAudit = (onProblem: (line: string) => void, path: string, session: string): AuditLog =>
  auditInto(onProblem, (onFailure) => new FileRows(path, session, onFailure));

/** The last row of a session's log. Without it rows may be missing: nothing tells that on a disk that is full to the end. */
export interface WholeLog {
  readonly session: string;
  readonly whole: true;
}

/** The row that stands where rows are missing: a session may fill a disk, and make room again before anybody looks. */
export interface LostRows {
  /** Why they could not be written. */
  readonly lost: string;
}

class FileRows implements RowStream {
  readonly #file: WriteStream;
  readonly #path: string;
  readonly #session: string;
  #failed: string | undefined;

  constructor(path: string, session: string, onFailure: (why: string, rows: number) => void) {
    this.#path = path;
    this.#session = session;
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
      this.#file.end(`${JSON.stringify({ session: this.#session, whole: true } satisfies WholeLog)}\n`);
    });
    if (this.#failed !== undefined) await this.#tellLost(this.#failed);
  }

  async #tellLost(lost: string): Promise<void> {
    // The last row may be there in part. Where there is still no room, the log has no end, which tells the same.
    await appendFile(this.#path, `\n${JSON.stringify({ lost } satisfies LostRows)}\n`).catch(() => {});
  }
}

/** Reads the rows of one session, or of all. */
export async function readRows(session?: string): Promise<EgressDecision[]> {
  const text = await readFile(auditFile(parseMounts(await readFile("/proc/self/mountinfo", "utf8"))), "utf8").catch(
    () => "",
  );
  return text.split("\n").flatMap((line): EgressDecision[] => {
    try {
      const row = JSON.parse(line) as EgressDecision | { readonly counted: number } | LostRows | WholeLog;
      return "host" in row && (session === undefined || row.session === session) ? [row] : [];
    } catch {
      return [];
    }
  });
}
