import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Writable } from "node:stream";
import { checkName } from "../../guest/sessions/names.ts";
import { RunRefused } from "../../guest/sessions/request.ts";
import { capture } from "../capture.ts";
import { shown } from "../copy/text.ts";
import { messageOf, OperatorError, UsageError } from "../errors.ts";
import type { Transport } from "../transport.ts";
import { type Chosen, reach } from "./chosen.ts";

/** The machine's program for one connection (`guest/seal/cmd/dial`). */
const DIAL = "/opt/cloister/bin/dial";
/** Connections at a time: each takes processes on both sides. */
const MOST = 32;
/** Connections reach this computer's own programs only, whatever its network is. */
const LOOPBACK = "127.0.0.1";

/** A port in a session, and the port of this computer that leads there. */
export interface Forward {
  readonly session: string;
  readonly port: number;
  /** 0: any free port. */
  readonly local: number;
}

/** Reads `SESSION PORT[:LOCAL]`. @throws RunRefused or UsageError with what to write */
export function parseForward(session: string, ports: string): Forward {
  const message = checkName(session);
  if (message !== undefined) {
    throw new RunRefused([{ code: "CLOISTER_E_NAME", subject: "name", value: session, message }]);
  }
  const [, port, local] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(ports) ?? [];
  const [there, here] = [Number(port), Number(local ?? port)];
  if (port === undefined || there < 1 || there > 65_535 || here > 65_535) {
    throw new UsageError(
      `${JSON.stringify(ports)}: write PORT or PORT:LOCAL, such as 8080 or 8080:9000; LOCAL 0 is any.`,
    );
  }
  return { session, port: there, local: here };
}

/**
 * `cloister forward`: connections to a port of this computer's loopback reach a port of a session's. It goes on until it
 * is interrupted. Then this process ends, with exit code 0, and with it the connections that are open: a browser may keep
 * one for as long as it likes.
 */
export async function forwardCommand(chosen: () => Chosen, session: string, ports: string): Promise<never> {
  const forward = parseForward(session, ports);
  const { transport } = await reach(chosen());
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const server = await startForward(transport, forward, say);
  const address = server.address();
  const local = typeof address === "object" && address !== null ? address.port : forward.local;
  say(whereItIs(forward, local));
  if (!stop.signal.aborted) await once(stop.signal, "abort");
  server.close();
  process.exit(0);
}

/**
 * Says where a forwarded port is. Browsers send the cookies of a host to all its ports: by an address of its own a session
 * gets none of what other programs on this computer's loopback gave the browser. Chromium and Firefox know names
 * below `localhost`.
 *
 * @param local the port of this computer
 */
export function whereItIs({ session, port }: Forward, local: number): string {
  const browsers = `http://${session}.localhost:${local}`;
  return `${browsers} (programs: ${LOOPBACK}:${local}) leads to port ${port} of the session ${session}; Ctrl-C ends it`;
}

/**
 * Begins to forward.
 *
 * @param tell gets lines for a person
 * @param dial the program on the machine. @default that of the runtime image; tests have another one
 * @throws OperatorError when nothing runs in the session, or when the port here is taken
 */
export async function startForward(
  transport: Transport,
  { session, port, local }: Forward,
  tell: (line: string) => void,
  dial: readonly string[] = [DIAL],
): Promise<Server> {
  const { exitCode, stderr } = await capture(transport, [...dial, session]);
  if (exitCode !== 0) throw new OperatorError(`${whySaid(stderr)}.`, { code: "CLOISTER_E_SESSION_UNKNOWN" });
  // A client that has sent all may still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    carry(transport, socket, [...dial, session, String(port)]).catch((error: unknown) => tell(shown(messageOf(error))));
  });
  server.maxConnections = MOST;
  server.listen({ host: LOOPBACK, port: local, exclusive: true });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new OperatorError(`port ${local} of this computer cannot be used: ${messageOf(error)}. Write PORT:LOCAL.`, {
      code: "CLOISTER_E_PORT_HERE",
    });
  }
  return server;
}

/** Carries one connection by one run of the machine's program. */
async function carry(transport: Transport, socket: Socket, command: readonly string[]): Promise<void> {
  let said = "";
  const stderr = new Writable({
    write(data: Buffer, _encoding, done) {
      said = (said + data.toString("utf8")).slice(-1_000);
      done();
    },
  });
  socket.on("error", () => {});
  try {
    const code = await transport.exec(command, { stdin: socket, stdout: socket, stderr });
    if (code !== 0 && said.trim() !== "") throw new OperatorError(whySaid(said));
  } finally {
    if (socket.destroyed) socket.destroy();
    else socket.end(() => socket.destroy());
  }
}

const whySaid = (stderr: string): string =>
  shown(stderr.trim().replace(/^cloister: /, "")) || "nothing was said about it";

function say(line: string): void {
  process.stderr.write(`cloister: ${line}\n`);
}
