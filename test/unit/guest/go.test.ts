import { join } from "node:path";
import { execa } from "execa";

const GUEST = join(import.meta.dirname, "../../../guest");

/** The guest's Go programs have their tests beside them, as Go has it. `npm run lint` formats and vets them. */
describe("the guest's Go programs", function () {
  this.timeout(300_000);
  this.slow(30_000);

  before(async function () {
    if ((await execa("go", ["version"], { reject: false })).failed) this.skip();
  });

  for (const module of ["seal", "boot/helper", "agent/mcp"]) {
    it(`${module}: test`, async function () {
      if (process.platform !== "linux") this.skip();
      const cwd = join(GUEST, module);
      await execa("go", ["test", "./..."], { cwd, stdin: "ignore" });
    });
  }
});
