import { createHash } from "node:crypto";
import { createServer } from "node:net";

/** Tells whether a program could listen on this loopback port now. */
export async function portIsFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Chooses the port for a machine's ssh: the wanted one or, for 0, the first free one. The search starts at a number
 * that depends on the machine's folder: so a machine usually keeps its port, and two clones usually have different
 * ones.
 *
 * @throws when a wanted port is taken
 */
export async function choosePort(
  wanted: number,
  root: string,
  isFree: typeof portIsFree = portIsFree,
): Promise<number> {
  if (wanted !== 0) {
    if (await isFree(wanted)) return wanted;
    throw new Error(
      `port ${wanted} (cloister:sshPort) is taken by another program: stop it, or write 0 for any free port`,
    );
  }
  const first = createHash("sha256").update(root).digest().readUInt16BE(0) % 10_000;
  for (let i = 0; i < 10_000; i += 1) {
    const port = 20_000 + ((first + i) % 10_000);
    if (await isFree(port)) return port;
  }
  throw new Error("no loopback port from 20000 to 29999 is free: set cloister:sshPort to one that is");
}
