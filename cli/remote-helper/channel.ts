import type { Readable, Writable } from "node:stream";

/** A started remote helper: two streams to and from the machine. */
export interface Channel {
  readonly toFar: Writable;
  /** Holds the remote helper's lines; other lines are among them when a terminal is on the way. */
  readonly fromFar: Readable;
  /** Settles when the connection is gone, with what its program wrote about it on standard error. */
  readonly gone: Promise<string>;
  /** Ends the connection. */
  close(): void;
}

/** Starts a command line on the machine, as a user who may use sudo, and gives its streams. */
export type OpenChannel = (commandLine: string) => Promise<Channel>;
