import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { isConfiguredByCall } from "../../toolchain/standins/configured-by-call.ts";
import type { Pack } from "./pack.ts";

/** The longest path of a socket, in bytes: 103 on macOS, 107 on Linux. */
const LONGEST_SOCKET = 103;

const SOCKET = "pack";

/** A pack that starts while the engine does. */
export interface Ahead {
  /** The pack, for an engine that is to find it started. */
  readonly pack: Pack;
  /** Starts it: once, when the engine's own process is there. */
  readonly start: () => void;
  /** Ends what no engine has taken. */
  readonly end: () => void;
}

/**
 * Prepares the start of a pack before the engine asks for it, which is after a third of its own start. The engine then has it started by its
 * language host as always; that process (the pack's `preload.cjs`) hands on to the one that is there.
 *
 * @returns undefined for a pack that cannot be started ahead: another version of this project's, for example
 */
export async function aheadOf(pack: Pack): Promise<Ahead | undefined> {
  const program = join(pack.folder, "ahead.cjs");
  // A pack that takes its stack from its environment has to wait for the engine, which tells it.
  if (!existsSync(program) || !isConfiguredByCall(pack.folder)) return undefined;
  const prefix = join(tmpdir(), "cloister-policy-");
  const isTooLong = Buffer.byteLength(join(`${prefix}XXXXXX`, SOCKET)) > LONGEST_SOCKET;
  // On Windows a path is no socket.
  if (isTooLong || process.platform === "win32") return undefined;
  // Nobody else can enter the folder. Who ends last removes it.
  const folder = await mkdtemp(prefix).catch(() => undefined);
  if (folder === undefined) return undefined;
  const socket = join(folder, SOCKET);
  let input: Writable | undefined;
  return {
    pack: { ...pack, env: { ...pack.env, CLOISTER_POLICY_AHEAD: socket } },
    start() {
      input ??= started(program, socket);
    },
    end() {
      input?.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @returns what the pack takes for the sign that it is wanted no more, when it ends */
function started(program: string, socket: string): Writable {
  const child = spawn(process.execPath, [program, socket], {
    cwd: dirname(program),
    // What Node itself says at its end comes past the pack.
    stdio: ["pipe", "ignore", "inherit"],
  });
  // What cannot be started ahead is started by the engine, and fails there with its reason.
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  return child.stdin;
}
