import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { HOMES } from "./state.ts";

/** The folder of the outputs of detached runs: on the session disk, root's alone, with no session's files in it. */
export const LOGS = join(HOMES, ".cloister", "logs");

/** Bytes of one of a log's two files. When the second is full it takes the first one's place. */
export const LOG_HALF = 4 * 2 ** 20;

/** The facts of a detached run. */
export const LogStatus = z.strictObject({
  /** ISO 8601, UTC. */
  began: z.iso.datetime(),
  /** Absent while it runs, and when its supervisor was killed. */
  ended: z.iso.datetime().optional(),
  exitCode: z.int().optional(),
});
export type LogStatus = z.infer<typeof LogStatus>;

/** The files of a session's log. */
export function logFiles(session: string, root: string = LOGS) {
  const base = join(root, session);
  return { now: `${base}.log`, before: `${base}.log.1`, status: `${base}.json` };
}

/** The output of one detached run. It never takes more than twice {@link LOG_HALF}: the oldest output goes. */
export class SessionLog {
  readonly #files: ReturnType<typeof logFiles>;
  readonly #began: string;
  readonly #half: number;
  #file: FileHandle;
  #size = 0;
  /** Both outputs of a command write: one piece after the other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(files: ReturnType<typeof logFiles>, file: FileHandle, began: string, half: number) {
    this.#files = files;
    this.#file = file;
    this.#began = began;
    this.#half = half;
  }

  /** Begins a log; the one of an earlier run in this session goes. */
  static async begin(session: string, { root = LOGS, half = LOG_HALF, now = new Date() } = {}): Promise<SessionLog> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await removeLog(session, root);
    const files = logFiles(session, root);
    const began = now.toISOString();
    await writeFileAtomic(files.status, JSON.stringify({ began }), 0o600);
    return new SessionLog(files, await create(files.now), began, half);
  }

  /** Adds output. The caller waits, so that a command is no faster than the disk. */
  async write(data: Buffer): Promise<void> {
    this.#last = this.#last.then(() => this.#write(data));
    await this.#last;
  }

  async #write(data: Buffer): Promise<void> {
    let rest = data;
    while (rest.length > 0) {
      if (this.#size >= this.#half) {
        await this.#file.close();
        await rename(this.#files.now, this.#files.before);
        this.#file = await create(this.#files.now);
        this.#size = 0;
      }
      const part = rest.subarray(0, this.#half - this.#size);
      await this.#file.appendFile(part);
      this.#size += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Ends the log. @param exitCode absent when the command never ran */
  async end(exitCode: number | undefined, now = new Date()): Promise<void> {
    await this.#last;
    await this.#file.close();
    const status: LogStatus = {
      began: this.#began,
      ended: now.toISOString(),
      ...(exitCode === undefined ? {} : { exitCode }),
    };
    await writeFileAtomic(this.#files.status, JSON.stringify(status), 0o600);
  }
}

/** Removes a session's log, if there is one. */
export async function removeLog(session: string, root: string = LOGS): Promise<void> {
  for (const file of Object.values(logFiles(session, root))) await rm(file, { force: true });
}

/** The facts of a session's detached run; undefined when it never had one. */
export async function logStatus(session: string, root: string = LOGS): Promise<LogStatus | undefined> {
  const text = await readFile(logFiles(session, root).status, "utf8").catch(() => "");
  try {
    return LogStatus.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Time between two looks at a log that is followed. Milliseconds. */
const POLL_MS = 500;

/**
 * Reads a log from its beginning.
 *
 * @param goesOn asked whenever all was read: false ends the reading after one more look
 */
export async function* readLog(
  session: string,
  goesOn: () => Promise<boolean>,
  { root = LOGS, pollMs = POLL_MS } = {},
): AsyncGenerator<Buffer> {
  const files = logFiles(session, root);
  const before = await openOrNone(files.before);
  if (before !== undefined) {
    yield* rest(before);
    await before.close();
  }
  let now = await openOrNone(files.now);
  try {
    for (let last = false; ; ) {
      if (now !== undefined) {
        yield* rest(now);
        // A file that gave way to a new one is complete after one more look.
        const [mine, there] = [await now.stat(), await openOrNone(files.now)];
        if (there !== undefined && (await there.stat()).ino !== mine.ino) {
          yield* rest(now);
          await now.close();
          now = there;
          continue;
        }
        await there?.close();
      }
      if (last) return;
      last = !(await goesOn());
      if (!last) await new Promise((resolve) => setTimeout(resolve, pollMs));
      now ??= await openOrNone(files.now);
    }
  } finally {
    await now?.close();
  }
}

async function* rest(file: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

const create = (path: string): Promise<FileHandle> =>
  open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW,
    0o600,
  );

const openOrNone = (path: string): Promise<FileHandle | undefined> =>
  open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
