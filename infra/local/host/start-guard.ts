import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Paths } from "../paths.ts";

/**
 * Waits for a word on stdin. When stdin ends without it, ends the QEMU of this start: a later start has written its own
 * name down before its QEMU runs, so the number is read first and the name after it.
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
  /** Name of this start, to be written down with the machine (see {@link rememberStart}). */
  readonly start: string;
  /** The machine shall stay, or there is none any more. `then` is called when the guard has its word. */
  dismiss(then?: () => void): void;
}

/**
 * Watches over a machine that is starting: when this process ends before it dismisses the guard, whatever ends it (the
 * engine kills a step outright when it is cancelled), the machine of this start is stopped too, and no other one.
 *
 * @param start name of the start, where it has one already
 */
export function guardStart(paths: Pick<Paths, "pid" | "marker" | "process">, start: string = randomUUID()): StartGuard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "cloister-guard", paths.pid, paths.marker, start, paths.process], {
    // A session of its own, so that what kills this process's group does not kill its guard.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // Writing to a guard that was killed by hand must not end us.
  guard.stdin.on("error", () => {});
  return {
    start,
    dismiss(then = () => {}) {
      // Called in any case: with an error where there is no guard any more.
      guard.stdin.end("dismissed\n", then);
    },
  };
}
