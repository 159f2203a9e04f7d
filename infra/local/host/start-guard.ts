import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Paths } from "../paths.ts";

/**
 * Waits for a word on stdin. When stdin ends without it, this ends the QEMU of this start. It reads the process's
 * number first and the start's name after it: a later start writes its own name before its QEMU runs, so no other QEMU
 * is ended.
 */
const SCRIPT = `
read -r word && exit 0
for try in 1 2 3 4 5 6 7 8 9 10; do
  if pid=$(cat "$1" 2>/dev/null) && grep -q "$3" "$4" && case $(ps -o command= -p "$pid") in *"$2"*) ;; *) false ;; esac
  then kill "$pid"; exit 0; fi
  sleep 0.3
done`;

/** Watches over one start of a machine. */
export interface StartGuard {
  /** Name of this start. It must be recorded with the machine (see {@link rememberStart}). */
  readonly start: string;
  /** Tells the guard that the machine shall stay, or that it is gone. `then` is called when the guard knows. */
  dismiss(then?: () => void): void;
}

/**
 * Watches over a machine that is starting. If this process ends before it dismisses the guard, for any reason, the
 * guard stops the machine of this start, and no other one. The engine, for example, kills a step outright when it is
 * cancelled.
 *
 * @param start name of the start, when it already has one
 */
export function guardStart(paths: Pick<Paths, "pid" | "marker" | "process">, start: string = randomUUID()): StartGuard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "cloister-guard", paths.pid, paths.marker, start, paths.process], {
    // The guard gets a session of its own: a signal that kills this process's group must not kill it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // Writing to a guard that was killed by hand must not end us.
  guard.stdin.on("error", () => {});
  return {
    start,
    dismiss(then = () => {}) {
      // `then` is called in any case: with an error when the guard is gone.
      guard.stdin.end("dismissed\n", then);
    },
  };
}
