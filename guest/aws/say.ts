import { appendFileSync } from "node:fs";

/** Tells the operator one line: in the journal, and on the serial console. */
export function say(line: string): void {
  process.stdout.write(`cloister: ${line}\n`);
  try {
    appendFileSync("/dev/console", `cloister: ${line}\n`);
  } catch {
    // The journal has it.
  }
}
