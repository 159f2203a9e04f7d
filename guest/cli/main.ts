import { fail } from "./exit.ts";
import { machineProgram } from "./program.ts";

try {
  await machineProgram().parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
