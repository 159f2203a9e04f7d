import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until the machine's ssh server greets (RFC 4253, section 4.2) on this port of the loopback interface. So the
 * stack's ssh command works when the stack prints it.
 *
 * @throws an Error when the server has not greeted within `withinMs`, or `signal`'s reason
 */
export async function sshAnswers(port: number, signal: AbortSignal, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await greets(port))) {
    signal.throwIfAborted();
    if (Date.now() > deadline)
      throw new Error(`the machine is verified, but its ssh server does not answer on port ${port}`);
    await sleep(200);
  }
}

async function greets(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(10_000, () => socket.destroy());
  // QEMU itself accepts the connection, before the server in the machine does.
  const answer = await new Promise<string>((resolve) => {
    socket.once("data", (data) => resolve(data.toString("latin1")));
    socket.once("error", () => resolve(""));
    socket.once("close", () => resolve(""));
  });
  socket.destroy();
  return answer.startsWith("SSH-");
}
