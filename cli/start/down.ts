/** `npm run down`: destroys the stack `local` and removes what it left in this folder. Caches stay. */
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { Listr } from "listr2";
import { stopMachine } from "../../infra/local/host/process.ts";
import { pathsOf } from "../../infra/local/paths.ts";
import { cacheRoot } from "../../lib/store.ts";
import { ensureToolchain } from "../../toolchain/index.ts";
import { PROJECT, StackRunner } from "../../toolchain/stack-runner.ts";
import { LISTR_OPTIONS } from "./progress.ts";

const STACK = "local";

// Asked for help, or given what it does not know, it takes nothing down.
new Command("npm run down").description("Destroys the machine of the stack `local`, its session disk too.").parse();

try {
  await new Listr(
    [
      {
        title: "pulumi destroy --stack local",
        task: async (_ctx, task) => {
          const report = (line: string) => {
            task.output = line;
          };
          const stack = new StackRunner(STACK, await ensureToolchain({ report, deep: false }));
          if (await stack.exists()) {
            await stack.clearLeftovers(report);
            await stack.change("destroy", report);
            await stack.remove();
          } else task.title = "there is no stack local";
        },
      },
      {
        title: "What a killed run may have left",
        task: async () => {
          const paths = pathsOf(PROJECT, STACK);
          await stopMachine(paths, 0);
          await rm(paths.root, { recursive: true, force: true });
          const own = join(PROJECT, ".cloister");
          // The project's own state folder goes when no other stack is in it (backups do not count).
          const stacks = join(own, "state", ".pulumi", "stacks");
          const left = await readdir(stacks, { recursive: true }).catch(() => []);
          if (!left.some((file) => file.endsWith(".json"))) {
            await rm(join(own, "state"), { recursive: true, force: true });
          }
          await rmdir(own).catch(() => {});
        },
      },
    ],
    LISTR_OPTIONS,
  ).run();
  console.log(`\nNothing is left but caches, which the next start uses: ${cacheRoot()} (safe to delete).`);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
