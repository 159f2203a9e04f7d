import { finished } from "node:stream/promises";
import { Neutral } from "../guest/lib/neutral.ts";
import type { ExecOptions, Transport } from "./transport.ts";

/** An output of this program: a terminal, or anything else. */
export type Screen = ExecOptions["stdout"] & { readonly isTTY?: boolean };

/**
 * Runs a command of the machine's own. A terminal gets harmless text of both outputs, all others the bytes.
 *
 * @param live true leaves colours and progress bars in it. @default false
 */
export async function passOn(
  transport: Pick<Transport, "exec">,
  command: readonly string[],
  screens: { readonly stdout: Screen; readonly stderr: Screen } = process,
  options: Omit<ExecOptions, "stdout" | "stderr"> = { signals: true },
  live = false,
): Promise<number> {
  const [stdout, stderr] = [harmless(screens.stdout, live), harmless(screens.stderr, live)];
  try {
    return await transport.exec(command, { ...options, stdout: stdout.into, stderr: stderr.into });
  } finally {
    await Promise.all([stdout.end(), stderr.end()]);
  }
}

function harmless(screen: Screen, live: boolean) {
  if (screen.isTTY !== true) return { into: screen, end: async () => {} };
  const into = new Neutral({ live });
  into.pipe(screen, { end: false });
  return {
    into,
    end: async () => {
      into.end();
      await finished(into);
    },
  };
}
