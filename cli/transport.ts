import type { Readable, Writable } from "node:stream";

/** The streams of a command, and how it runs. */
export interface ExecOptions {
  /** Input of the command. @default none: it finds the end at once */
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The user of the command. @default `root`, because the machine's own `cloister` works as root */
  readonly user?: "root" | "operator";
  /**
   * Variables for the command, beside the few that it has. They are in its environment alone, which root and its own
   * user may read, and in no command line, which everybody on the machine may. @default none
   */
  readonly environment?: Readonly<Record<string, string>>;
  /** Gives it a terminal of this computer's terminal's size; both outputs are then one. @default false */
  readonly tty?: boolean;
  /** Hands SIGINT, SIGTERM and SIGHUP on to the command while it runs. @default false */
  readonly signals?: boolean;
  /** Ends the way to the command at once when it is aborted; its reason is thrown. @default never */
  readonly until?: AbortSignal;
}

/**
 * A way to one machine: all that the operator's command needs of ssh or SSM, and all that a session's API will need.
 */
export interface Transport {
  /**
   * Runs a command and waits for its end. Its words reach it as they are: no shell reads them. Input and output are
   * carried byte for byte, without a limit of size.
   *
   * @returns the command's exit code; 128 + n when signal n ended it, 127 when there is no such program
   * @throws OperatorError when the machine cannot be reached, or is lost before the command has ended
   */
  exec(command: readonly string[], options: ExecOptions): Promise<number>;
  /**
   * The words that start the other end of a copy there, before its role and its paths. Default: a program in Python,
   * which goes along.
   */
  readonly copyEnd?: readonly string[];
  /** Gives this terminal to a shell of the operator on the machine. @returns an exit code */
  shell(): Promise<number>;
}
