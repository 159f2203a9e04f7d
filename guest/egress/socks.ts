import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { UNKNOWN } from "./decision.ts";
import { flushBeforeClose } from "./http.ts";

/** The destination that a client's handshake names, as far as the handshake got. */
export interface Handshake {
  readonly host: string;
  readonly port: number;
  /** The violation of the protocol. Undefined when there is none. */
  readonly problem?: string;
}

/** The proxy's answer: the reply to the request (RFC 1928, section 6), a refusal before it, or nothing. */
export type Reply = number | "no method" | "wrong token" | undefined;

/** A handshake has at most 2 + 255, 3 + 255 + 255 and 7 + 255 bytes. */
const LIMIT = 1024;

const VERSION = 5;
const METHOD_PASSWORD = 2;
const NO_METHOD = 255;

/**
 * A client's connection to the SOCKS proxy, with its handshake read along. sandbox-runtime's proxy reports only the
 * names that it takes for host names. This class therefore reads what both sides say. It passes all bytes unchanged.
 */
export class WatchedSocks extends Duplex {
  readonly #socket: Socket;
  #granted = false;
  readonly #onReply: (reply: Reply, handshake: Handshake) => void;
  #said: Buffer | undefined = Buffer.alloc(0);
  #answered: Buffer = Buffer.alloc(0);

  /**
   * @param socket a connection that may be open in one direction only (`allowHalfOpen`): a client that sends no more is
   *   still sent what the host answers
   * @param onReply called once, with the proxy's answer, or with undefined when the connection ended without one
   */
  constructor(socket: Socket, onReply: (reply: Reply, handshake: Handshake) => void) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#onReply = onReply;
    socket.on("data", (chunk: Buffer) => {
      if (this.#said !== undefined) this.#said = Buffer.concat([this.#said, chunk]).subarray(0, LIMIT);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => {
      this.push(null);
      // Before there is a tunnel, nobody who has ended his side is answered.
      if (!this.#granted) this.end();
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy(new Error("the client has closed the connection")));
    flushBeforeClose(this);
    this.on("error", () => {});
  }

  setNoDelay(): this {
    this.#socket.setNoDelay();
    return this;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
    if (this.#said === undefined) return;
    this.#answered = Buffer.concat([this.#answered, chunk]).subarray(0, LIMIT);
    const reply = readReply(this.#answered);
    if (reply === undefined) return;
    this.#granted = reply === 0;
    this.#conclude(reply);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#conclude(undefined);
    this.#socket.destroy();
    done();
  }

  #conclude(reply: Reply): void {
    const said = this.#said;
    // The client's bytes include the password: keep them no longer than needed.
    this.#said = undefined;
    if (said === undefined || (said.length === 0 && reply === undefined)) return;
    this.#onReply(reply, readHandshake(said, this.#answered[1] === METHOD_PASSWORD));
  }
}

/**
 * Finds the deciding answer in the proxy's bytes. They are the method, then the outcome of the password, then the
 * reply.
 */
function readReply(answered: Buffer): Reply {
  const [, method] = answered;
  if (method === undefined) return undefined;
  if (method === NO_METHOD) return "no method";
  if (method !== METHOD_PASSWORD) return answered[3];
  if (answered[3] !== undefined && answered[3] !== 0) return "wrong token";
  return answered[5];
}

/** Reads the host of a handshake. It is used in the audit log only: nothing connects to it. */
function readHandshake(said: Buffer, withPassword: boolean): Handshake {
  let at = 0;
  const byte = () => {
    const value = said[at++];
    if (value === undefined) throw new Malformed("it ended before its request was whole");
    return value;
  };
  const bytes = (count: number) => {
    const from = at;
    at += count;
    if (at > said.length) throw new Malformed("it ended before its request was whole");
    return said.subarray(from, at);
  };
  try {
    if (byte() !== VERSION) throw new Malformed("it is not of version 5");
    bytes(byte());
    if (withPassword) {
      byte();
      bytes(byte());
      bytes(byte());
    }
    if (byte() !== VERSION) throw new Malformed("its request is not of version 5");
    const command = byte();
    byte();
    const host = readAddress(byte(), byte, bytes);
    const port = bytes(2).readUInt16BE();
    return { host, port, ...(command === 1 ? {} : { problem: "it asks for another command than CONNECT" }) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ...UNKNOWN, problem: error.message };
  }
}

class Malformed extends Error {}

function readAddress(type: number, byte: () => number, bytes: (count: number) => Buffer): string {
  if (type === 1) return bytes(4).join(".");
  if (type === 3) return bytes(byte()).toString("latin1") || UNKNOWN.host;
  if (type === 4) return (bytes(16).toString("hex").match(/.{4}/g) ?? []).join(":");
  throw new Malformed("it has an unknown type of address");
}
