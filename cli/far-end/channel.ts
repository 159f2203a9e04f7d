import type { Readable, Writable } from "node:stream";

/** A started far end: two streams, over whatever leads to the machine. */
export interface Channel {
  readonly toFar: Writable;
  /** Holds the far end's lines, among others when the way is a terminal. */
  readonly fromFar: Readable;
  /** Settles when the way is gone, with what its program said about it on standard error. */
  readonly gone: Promise<string>;
  /** Ends the way. */
  close(): void;
}

/** Starts a command line on the machine, as a user who may use sudo, and gives its streams. */
export type OpenChannel = (commandLine: string) => Promise<Channel>;
