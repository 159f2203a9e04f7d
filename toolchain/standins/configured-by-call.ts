import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Tells whether a policy pack says of itself (`"cloister": { "configuredByCall": true }` in its package.json) that it needs
 * nothing from its environment: the engine's call tells it for which stack it runs. Any other pack has to wait for that call.
 *
 * @returns false as well for a pack whose package.json cannot be read
 */
export function isConfiguredByCall(folder: string): boolean {
  try {
    const text = readFileSync(join(folder, "package.json"), "utf8");
    return (JSON.parse(text) as { cloister?: { configuredByCall?: unknown } }).cloister?.configuredByCall === true;
  } catch {
    return false;
  }
}
