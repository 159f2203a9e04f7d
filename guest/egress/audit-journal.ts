import { connect, type Socket } from "node:net";

/**
 * The journal of audit rows: a namespace of journald with its own size limit, on the session disk
 * (guest/boot/audit-journal.sh). Its sockets are for root alone.
 */
export const AUDIT_NAMESPACE = "cloister-audit";

/** The identifier of the rows in this journal. */
export const AUDIT_IDENTIFIER = "cloister-egress";

/** The socket on which journald takes a stream of lines (systemd-journald.service(8)). */
export const AUDIT_SOCKET = `/run/systemd/journal.${AUDIT_NAMESPACE}/stdout`;

/** The maximum that may wait for a slow journal, in bytes. */
const MOST_WAITING = 256 * 1024;

/** Time after which a journal that took nothing is tried again. Milliseconds. */
const RETRY_MS = 1_000;

/** Time that the last rows may take. Milliseconds. */
const CLOSE_MS = 5_000;

/**
 * The lines with which systemd-cat(1) begins a stream: identifier, unit (the journal finds it by itself), priority
 * `info`; no priorities in the lines, no forwarding to syslog, the kernel or the console.
 */
const HEADER = `${AUDIT_IDENTIFIER}\n\n6\n0\n0\n0\n0\n`;

/**
 * A stream of lines into the journal. Lines wait in a buffer of bounded size, and the stream knows which rows were not
 * taken.
 */
export class JournalStream {
  readonly #path: string;
  readonly #onFailure: (why: string, rows: number) => void;
  #socket: Socket | undefined;
  /** Rows that were written and that the kernel has not taken yet. */
  #waiting = 0;
  #retryAt = 0;
  #ending = false;

  /** @param onFailure told why the journal takes nothing, and how many rows that were accepted are lost by it */
  constructor(onFailure: (why: string, rows: number) => void, path: string = AUDIT_SOCKET) {
    this.#onFailure = onFailure;
    this.#path = path;
  }

  /**
   * Returns true when the stream would take a row now. The first call, and the first after a failure, connects.
   *
   * @param last true for the few rows at the end, for which there is always room
   */
  ready(last = false): boolean {
    if (this.#socket === undefined && Date.now() >= this.#retryAt && !this.#ending) this.#socket = this.#connect();
    return this.#socket !== undefined && (last || this.#socket.writableLength < MOST_WAITING);
  }

  /** Hands over one line, which must not have a line break in it. Only after {@link ready}. */
  write(line: string): void {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("the journal takes no row");
    this.#waiting += 1;
    socket.write(`${line}\n`, (error) => {
      if (!error && socket === this.#socket) this.#waiting -= 1;
    });
  }

  /** Resolves when all rows were handed over, or when they cannot be. */
  async close(): Promise<void> {
    this.#ending = true;
    const socket = this.#socket;
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        this.#fail(socket, `it did not take them in ${CLOSE_MS / 1000} s`);
        resolve();
      }, CLOSE_MS);
      socket.once("close", () => {
        clearTimeout(late);
        resolve();
      });
      // Nothing is ever read from it: the stream ends when the last row is with the kernel.
      socket.end(() => socket.destroy());
    });
  }

  #connect(): Socket {
    // journald ends its own side at once: that is no end of the stream.
    const socket = connect({ path: this.#path, allowHalfOpen: true });
    socket.write(HEADER);
    socket.on("error", (error) => this.#fail(socket, error.message));
    socket.on("close", () => {
      if (!this.#ending || this.#waiting > 0) this.#fail(socket, "it closed the connection");
    });
    // Drop all bytes that come: this side asks for nothing, so no byte can be an answer.
    socket.resume();
    return socket;
  }

  #fail(socket: Socket, why: string): void {
    if (socket !== this.#socket) return;
    const rows = this.#waiting;
    this.#socket = undefined;
    this.#waiting = 0;
    this.#retryAt = Date.now() + RETRY_MS;
    socket.destroy();
    this.#onFailure(why, rows);
  }
}
