import { closeSync, readdirSync, readFileSync } from "node:fs";

/** open(2), as /proc/PID/fdinfo shows it. */
const O_CLOEXEC = 0o2_000_000;

/**
 * Closes the descriptors that this process inherited, except the standard ones. A program that outlives us would hold
 * their pipes open, and their locks. Node closes only some of them when it starts another program.
 *
 * Node's own descriptors stay: they are closed on exec. On macOS there is nothing to do: libuv hands on no descriptors
 * there.
 */
export function closeInherited(): void {
  if (process.platform !== "linux") return;
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor > 2 && isInherited(descriptor)) closeSync(descriptor);
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // This descriptor was the one of the folder itself, which is closed now.
    return false;
  }
}
