import { chmod, rm } from "node:fs/promises";
import type { Server } from "node:http";

/**
 * Lets a server listen on a UNIX socket that only its owner may use. A socket left by a process that was killed is
 * replaced.
 *
 * @returns a function that closes every connection and removes the socket
 */
export async function listenPrivately(server: Server, socketPath: string): Promise<() => Promise<void>> {
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, 0o600);
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await rm(socketPath, { force: true });
  };
}
