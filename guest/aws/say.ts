import { appendFileSync } from "node:fs";
import { CONSOLE, consoleLine } from "../../contract/console.ts";

/** Tells the operator one line: in the journal, and on the serial console. */
export function say(line: string): void {
  const text = `${consoleLine({ kind: "progress", line })}\n`;
  process.stdout.write(text);
  try {
    appendFileSync(CONSOLE, text);
  } catch {
    // The journal has it.
  }
}
