import { once } from "node:events";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";

/**
 * Sends one command to a QEMU over its control socket and returns the answer (QEMU Machine Protocol specification).
 *
 * @param socket path of the UNIX socket
 * @param timeoutMs the longest time for the whole exchange
 * @throws when QEMU does not answer in time, or refuses the command
 */
export async function qmp(socket: string, command: string, timeoutMs = 5_000): Promise<unknown> {
  const connection = createConnection(socket);
  const timer = setTimeout(() => connection.destroy(new Error(`QEMU does not answer on ${socket}`)), timeoutMs);
  try {
    await once(connection, "connect");
    const failed = once(connection, "close").then(() => {
      throw new Error(`QEMU closed ${socket} before it answered`);
    });
    const lines = createInterface({ input: connection })[Symbol.asyncIterator]();
    const answer = async (): Promise<unknown> => {
      for (;;) {
        const { value, done } = await Promise.race([lines.next(), failed]);
        if (done) throw new Error(`QEMU closed ${socket} before it answered`);
        const message = JSON.parse(value) as { return?: unknown; error?: { desc: string }; QMP?: unknown };
        if (message.error) throw new Error(`QEMU refused ${command}: ${message.error.desc}`);
        if ("return" in message || "QMP" in message) return message.return;
      }
    };
    await answer();
    connection.write('{"execute":"qmp_capabilities"}\n');
    await answer();
    connection.write(`${JSON.stringify({ execute: command })}\n`);
    const result = await answer();
    failed.catch(() => {});
    return result;
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}
