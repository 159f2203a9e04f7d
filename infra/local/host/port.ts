import { createHash } from "node:crypto";
import { type AddressInfo, connect, createServer } from "node:net";

/** A reason why no program can listen on this loopback port now, as it follows the port's number; undefined: one can. */
export async function portProblem(port: number): Promise<string | undefined> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    const end = (error?: NodeJS.ErrnoException) => server.close(() => resolve(error && (error.code ?? error.message)));
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      // Linux lets a program listen on a loopback that is down, and nobody reach it.
      const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
      client.once("error", end);
      client.once("connect", () => {
        client.destroy();
        end();
      });
    });
  });
  if (code === undefined) return undefined;
  if (code === "EADDRINUSE") return "is taken by another program. Stop it, write another port, or 0 for any free one.";
  if (code === "EACCES") return "is for root alone on this computer. Write one from 1024 on, or 0 for any free one.";
  // Without it no port is free, and the search for one would try thousands.
  if (code === "EADDRNOTAVAIL" || code === "ENETUNREACH")
    return "cannot be had: this computer has no loopback address 127.0.0.1. Bring it up: ip link set lo up; or give it the address: ip addr add 127.0.0.1/8 dev lo.";
  return `cannot be had (${code}). Write another port, or 0 for any free one.`;
}

/**
 * Chooses the port for a machine's ssh: the wanted one or, for 0, the first free one. The search starts at a number
 * that depends on the machine's folder: so a machine usually keeps its port, and two clones usually have different
 * ones.
 *
 * @throws when a wanted port cannot be had, or this computer has no loopback
 */
export async function choosePort(
  wanted: number,
  root: string,
  problemOf: typeof portProblem = portProblem,
): Promise<number> {
  // Port 0 is any: where there is none, there is no loopback.
  const problem = await problemOf(wanted);
  if (problem !== undefined) throw new Error(`port ${wanted} (cloister:sshPort) ${problem}`);
  if (wanted !== 0) return wanted;
  const first = createHash("sha256").update(root).digest().readUInt16BE(0) % 10_000;
  for (let i = 0; i < 10_000; i += 1) {
    const port = 20_000 + ((first + i) % 10_000);
    if ((await problemOf(port)) === undefined) return port;
  }
  throw new Error("no loopback port from 20000 to 29999 is free: set cloister:sshPort to one that is");
}
