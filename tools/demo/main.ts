/**
 * `npm run demo:pr`: plays a change from its edit to the comment, the approval, the deploy and a refused stale deploy, on this
 * computer alone. See docs/changes.md.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { play } from "./play.ts";
import { World } from "./world.ts";

// The SDK speaks of Node's next version at every start.
process.removeAllListeners("warning");

const say = (line: string): void => console.log(line);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}; nothing is left`)));

async function main(): Promise<void> {
  const started = Date.now();
  say("A fleet of its own is made in a temporary folder. AWS and the forge are stand-ins on this computer.");
  const kept = await mkdtemp(join(tmpdir(), "cloister-demo-"));
  try {
    const world = await World.create(say, stop.signal);
    try {
      const { pages } = await play(world, kept, say);
      say(`\nPlayed in ${Math.round((Date.now() - started) / 1000)} s. Nothing is left but the pages to look at:`);
      for (const page of pages) say(`  ${page}`);
    } finally {
      await world.dispose();
    }
  } catch (error) {
    await rm(kept, { recursive: true, force: true });
    throw error;
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
