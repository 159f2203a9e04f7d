import type { Judge } from "./packet-filter.ts";

/** Before each frame QEMU writes its length (qemu: net/socket.c, net/filter-mirror.c). */
const LENGTH = 4;

/** More than any frame has (qemu: NET_BUFSIZE). */
const LONGEST = 4_096 + 65_536;

/** Takes the frames out of a stream of bytes and leaves in it those that may pass. */
export class FrameFilter {
  readonly #judge: Judge;
  #rest: Buffer = Buffer.alloc(0);

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /**
   * @returns what may go on, in the order in which it came; the beginning of a frame is kept until its end comes. It holds no
   * memory but its own bytes, so that a queue of such is as large as it says: a part of the chunk would keep all of it
   * @throws when this is no stream of frames
   */
  take(chunk: Buffer): Buffer {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const passed: Buffer[] = [];
    /** Frames that may pass and follow each other go on in one piece. */
    let from = 0;
    let at = 0;
    while (data.length - at >= LENGTH) {
      const length = data.readUInt32BE(at);
      if (length > LONGEST) throw new Error(`no frame: ${length} bytes`);
      const end = at + LENGTH + length;
      if (end > data.length) break;
      if (!this.#judge(data.subarray(at + LENGTH, end))) {
        if (at > from) passed.push(data.subarray(from, at));
        from = end;
      }
      at = end;
    }
    if (at > from) passed.push(data.subarray(from, at));
    this.#rest = data.subarray(at);
    return Buffer.concat(passed);
  }
}
