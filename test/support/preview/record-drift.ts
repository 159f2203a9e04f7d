/** Records the looks at the worlds of `worlds.ts`, as `record.ts` does previews: `node --import tsx test/support/preview/record-drift.ts`. */
import { STREAM } from "../../../preview/engine.ts";
import { writeRecorded } from "./recorded.ts";
import { WORLDS, worldStack } from "./worlds.ts";

const stack = await worldStack(console.error);
try {
  const config = await stack.engine.read("Pulumi.dev.yaml");
  for (const [name, change] of Object.entries(WORLDS)) {
    await change(stack);
    const { stdout: state } = await stack.engine.run(["stack", "export", "-s", "dev"]);
    const result = await stack.engine.run(["refresh", "--preview-only", "--json", "-s", "dev"], STREAM);
    const events = result.stdout
      .split("\n")
      .filter((line) => line.startsWith("{") && !line.includes('"severity":"debug"'));
    const recorded = {
      stack: "dev",
      command: "drift",
      events: events.join("\n"),
      state,
      base: config,
      head: config,
    } as const;
    writeRecorded(`drift-${name}`, recorded);
    console.error(`drift-${name}: exit code ${result.exitCode}, ${events.length} events`);
  }
} finally {
  await stack.dispose();
}
