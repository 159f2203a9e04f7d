import { type Engine, STREAM } from "../engine.ts";
import { RefreshCollector, type Refreshed } from "../events/refresh.ts";

/** Asks the engine how the account differs from the state. The state stays as it is, and the program does not run. */
export async function lookForDrift(engine: Engine, stack: string): Promise<Refreshed> {
  const collector = new RefreshCollector();
  for await (const line of engine.lines(["refresh", "--preview-only", "--json", "--stack", stack], STREAM))
    collector.add(line);
  return collector.finish();
}
