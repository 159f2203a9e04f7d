import { once } from "node:events";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { OperatorError } from "../errors.ts";
import type { ExecOptions } from "../transport.ts";
import type { OpenChannel } from "./channel.ts";
import { type Frame, FrameReader, say } from "./frames.ts";
import { Input } from "./input.ts";
import { remoteHelper } from "./start.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A machine has this much time to start a remote helper. An emulated one that is busy needs some seconds. */
const READY_MS = 90_000;
/**
 * SSM ends a session that is silent for some time (1 to 60 minutes, by the account's preferences): so we say something.
 */
const IDLE_MS = 30_000;
/** Lines of other programs that are told when the command did not run. */
const LAST_LINES = 5;

/**
 * Runs a command by a remote helper. See `remote_helper.py` for the other side and the lines between them.
 *
 * @param machine its name, for messages
 */
export async function runByRemoteHelper(
  open: OpenChannel,
  machine: string,
  command: readonly string[],
  options: Omit<ExecOptions, "user"> & { readonly user: string | undefined },
): Promise<number> {
  const { commandLine, word } = remoteHelper();
  const channel = await open(commandLine);
  const noise: string[] = [];
  const frames = channel.fromFar.pipe(new FrameReader(word));
  const tell = (line: string): void => {
    if (channel.toFar.writable) channel.toFar.write(`${line}\n`);
  };
  const { until } = options;
  until?.addEventListener("abort", channel.close);
  const patience = setTimeout(() => channel.close(), READY_MS);
  // These errors show in other ways: lines never come, or a stream is closed.
  for (const stream of [channel.toFar, options.stdout, options.stderr]) stream.on("error", ignore);
  const exit = { code: -1, stdout: 0, stderr: 0 };
  const carried = { stdout: 0, stderr: 0 };
  const undo: (() => void)[] = [
    () => clearTimeout(patience),
    () => until?.removeEventListener("abort", channel.close),
    () => channel.close(),
  ];
  let input: Input | undefined;
  let seen: Frame["kind"] = "noise";
  try {
    for await (const frame of frames as AsyncIterable<Frame>) {
      if (frame.kind === "noise") {
        if (seen === "noise" && frame.text.trim() !== "") noise.push(frame.text.trim());
        if (noise.length > LAST_LINES) noise.shift();
        continue;
      }
      // It is started once, however often the machine says that it is ready.
      if (frame.kind === "ready" && seen !== "noise") continue;
      seen = frame.kind;
      if (frame.kind === "ready") {
        clearTimeout(patience);
        for (const [name, value] of Object.entries(options.environment ?? {})) tell(say.variable(name, value));
        tell(say.start(options.user, options.tty ? terminal() : undefined, command));
        const idle = setInterval(() => tell(say.nothing), IDLE_MS);
        undo.push(
          () => clearInterval(idle),
          forwardSignals(options, tell, channel.close),
          followTerminal(options, tell),
        );
        if (options.stdin) {
          input = new Input(
            options.stdin,
            (data) => tell(say.input(data)),
            () => tell(say.inputEnded),
          );
        } else tell(say.inputEnded);
      } else if (frame.kind === "taken") input?.taken(frame.count);
      else if (frame.kind === "output") {
        carried[frame.stream] += frame.data.length;
        if (!(await write(options[frame.stream], frame.data))) tell(say.signal(constants.signals.SIGPIPE));
        tell(say.taken(frame.data.length));
      } else {
        Object.assign(exit, frame);
        break;
      }
    }
  } finally {
    input?.stop();
    for (const step of undo) step();
  }
  until?.throwIfAborted();
  if (exit.code < 0) throw lost(machine, seen, [...noise, await channel.gone]);
  if (exit.stdout !== carried.stdout || exit.stderr !== carried.stderr) {
    throw new OperatorError(
      `output of the command was lost on its way from ${machine}: ${carried.stdout + carried.stderr} of ${exit.stdout + exit.stderr} bytes arrived. Its exit code was ${exit.code}.`,
      { code: "CLOISTER_E_OUTPUT_LOST" },
    );
  }
  return exit.code;
}

function lost(machine: string, seen: Frame["kind"], said: readonly string[]): OperatorError {
  const words = said
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(-LAST_LINES);
  const what =
    seen === "noise"
      ? `the machine ${machine} could not be reached, or has no python3 or sudo for the operator (it may still boot)`
      : `the connection to ${machine} was lost before the command ended; what it started is being ended`;
  return new OperatorError([`${what}.`, ...words.map((line) => `  ${line}`)].join("\n"), {
    code: seen === "noise" ? "CLOISTER_E_UNREACHABLE" : "CLOISTER_E_LOST",
  });
}

/** @returns false when nobody reads any more; further output is taken and dropped */
async function write(stream: Writable, data: Buffer): Promise<boolean> {
  if (stream.destroyed || stream.errored) return false;
  const stop = new AbortController();
  try {
    if (!stream.write(data)) {
      await Promise.race([once(stream, "drain", stop), once(stream, "close", stop)]);
    }
    return !stream.errored;
  } catch {
    return false;
  } finally {
    stop.abort();
  }
}

const ignore = (): void => {};

function terminal() {
  const { rows = 24, columns = 80 } = process.stdout;
  const term = process.env["TERM"] ?? "";
  return { rows, columns, term: /^[\w.+-]+$/.test(term) ? term : "dumb" };
}

/** Hands signals on. After the third Ctrl-C it gives up: the user does not want to wait for the other side's answer. */
function forwardSignals(
  options: Pick<ExecOptions, "signals">,
  tell: (line: string) => void,
  giveUp: () => void,
): () => void {
  if (!options.signals) return ignore;
  let interrupts = 0;
  const handlers = SIGNALS.map((name) => {
    const handler = () => {
      tell(say.signal(constants.signals[name]));
      if (name === "SIGINT" && ++interrupts === 3) giveUp();
    };
    process.on(name, handler);
    return () => void process.off(name, handler);
  });
  return () => {
    for (const off of handlers) off();
  };
}

/** Passes each key to the command at once, and also a new size of the window. */
function followTerminal(options: Pick<ExecOptions, "tty">, tell: (line: string) => void): () => void {
  if (!options.tty || !process.stdin.isTTY) return ignore;
  const resized = () => tell(say.resized(terminal()));
  process.stdin.setRawMode(true);
  process.stdout.on("resize", resized);
  return () => {
    process.stdin.setRawMode(false);
    process.stdout.off("resize", resized);
  };
}
