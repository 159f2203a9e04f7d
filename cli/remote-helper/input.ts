import type { Readable } from "node:stream";

/** The most bytes of input that the command has not taken yet; `remote_helper.py` has the same limit for output. */
const WINDOW = 1 << 18;
const CHUNK = 3 << 10;

/**
 * Carries a stream to the remote helper, no faster than the command reads: SSM's plugin drops messages when more than
 * 10,000 of them wait to be confirmed (`OutgoingMessageBufferCapacity` in its `config.go`).
 */
export class Input {
  readonly #source: Readable;
  readonly #send: (data: Buffer) => void;
  readonly #ended: () => void;
  readonly #waiting: Buffer[] = [];
  #room = WINDOW;
  #over = false;
  #stopped = false;

  constructor(source: Readable, send: (data: Buffer) => void, ended: () => void) {
    this.#source = source;
    this.#send = send;
    this.#ended = ended;
    source.on("data", this.#take);
    source.once("end", this.#finish);
    source.once("error", this.#finish);
  }

  /** Notes that the command has taken this many more bytes. The machine may say so of more than it got. */
  taken(count: number): void {
    this.#room = Math.min(WINDOW, this.#room + count);
    this.#flush();
  }

  /** Lets go of the source. */
  stop(): void {
    this.#stopped = true;
    this.#source.off("data", this.#take).off("end", this.#finish).off("error", this.#finish);
    this.#source.pause();
  }

  readonly #take = (data: Buffer | string): void => {
    this.#waiting.push(typeof data === "string" ? Buffer.from(data) : data);
    this.#flush();
  };

  readonly #finish = (): void => {
    this.#over = true;
    this.#flush();
  };

  #flush(): void {
    if (this.#stopped) return;
    for (let data = this.#waiting[0]; data && this.#room > 0; data = this.#waiting[0]) {
      const part = data.subarray(0, Math.min(CHUNK, this.#room));
      if (part.length === data.length) this.#waiting.shift();
      else this.#waiting[0] = data.subarray(part.length);
      this.#room -= part.length;
      if (part.length > 0) this.#send(part);
    }
    if (this.#waiting.length > 0) this.#source.pause();
    else if (!this.#over) this.#source.resume();
    else {
      this.#stopped = true;
      this.#ended();
    }
  }
}
