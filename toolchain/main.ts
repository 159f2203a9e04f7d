/** Finds or makes Pulumi and says which way it went; `--explain` only says what it would do. */
import { Command } from "commander";
import { ensureToolchain, explainToolchain } from "./index.ts";

const program = new Command("npm run toolchain --")
  .description("Finds Pulumi on PATH, downloads its official release, or builds it from Go modules.")
  .option("--explain", "say what would be done, and do nothing")
  .option("--json", "print the result as JSON")
  .parse();
const { explain, json } = program.opts<{ explain?: boolean; json?: boolean }>();

try {
  if (explain) {
    const lines = await explainToolchain();
    console.log(json ? JSON.stringify(lines, null, 2) : lines.join("\n"));
  } else {
    const toolchain = await ensureToolchain({ report: (line) => console.error(line) });
    const { version, why, pulumi } = toolchain;
    console.log(json ? JSON.stringify(toolchain, null, 2) : `Pulumi ${version}: ${why}.\n${pulumi}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
