import { spawn } from "node:child_process";
import type { Paths } from "../paths.ts";

/** Waits for a word on stdin. When stdin ends without it, ends the QEMU of this stack. */
const SCRIPT = `
read -r word
[ "$word" = keep ] && exit 0
for try in 1 2 3 4 5 6 7 8 9 10; do
  pid=$(cat "$1" 2>/dev/null) && case $(ps -o command= -p "$pid") in *"$2"*) kill "$pid"; exit 0;; esac
  sleep 0.3
done`;

/**
 * Watches over a machine that is starting: when this process ends before it says that the machine shall stay, whatever
 * ends it (the engine kills a step outright when it is cancelled), the machine is stopped too.
 */
export function guardStart(paths: Pick<Paths, "pid" | "marker">): { keep(): void } {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "cloister-guard", paths.pid, paths.marker], {
    // A session of its own, so that what kills this process's group does not kill its guard.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // Writing to a guard that was killed by hand must not end us.
  guard.stdin.on("error", () => {});
  return {
    keep() {
      guard.stdin.end("keep\n");
    },
  };
}
