import { join } from "node:path";
import { execa } from "execa";

const GUEST = join(import.meta.dirname, "../../../guest");

/** The guest's Go programs have their tests beside them, as Go has it. */
describe("the guest's Go programs", function () {
  this.timeout(300_000);
  this.slow(30_000);

  before(async function () {
    if ((await execa("go", ["version"], { reject: false })).failed) this.skip();
  });

  for (const module of ["seal", "boot/kit", "agent/mcp"]) {
    it(`${module}: vet and test`, async function () {
      if (process.platform !== "linux") this.skip();
      const cwd = join(GUEST, module);
      await execa("go", ["vet", "./..."], { cwd, stdin: "ignore" });
      await execa("go", ["test", "./..."], { cwd, stdin: "ignore" });
    });
  }

  it("format as gofmt does", async () => {
    const { stdout } = await execa("gofmt", ["-l", "seal", "boot/kit", "agent/mcp"], { cwd: GUEST, stdin: "ignore" });
    if (stdout !== "") throw new Error(`run gofmt -w on: ${stdout.split("\n").join(", ")}`);
  });
});
