import assert from "node:assert/strict";
import { execa } from "execa";
import { FUZZ_WALL } from "../../escape/plan.ts";

const PROJECT = new URL("../../../", import.meta.url);

/** Runs the suite's own command, by calls that end before anything is booted. */
const attack = async (...args: string[]) =>
  await execa(process.execPath, ["--import", "tsx", "test/escape/main.ts", ...args], {
    cwd: PROJECT,
    reject: false,
    stdin: "ignore",
    timeout: 60_000,
  });

describe("npm run test:escape", function () {
  this.timeout(120_000);

  it("tells its options, and ends with 0", async () => {
    const { exitCode, stdout } = await attack("--help");
    assert.equal(exitCode, 0);
    for (const word of ["--wall", "--report", "--json", "--seed", "--quick", "--thorough", FUZZ_WALL.name]) {
      assert.ok(stdout.includes(word), word);
    }
  });

  it("refuses what is wrong before it boots anything, with nothing on standard output", async () => {
    const wrong: readonly (readonly [args: string[], code: number, says: RegExp])[] = [
      [["--wall", "wals", "--json"], 2, /^there is no wall wals: one of folders, .*, fuzz$/],
      [["--report", "package.json/report.html", "--container"], 2, /EEXIST|ENOTDIR/],
      [["--seed", "seven"], 1, /write a whole number/],
      [["--quick", "--thorough"], 1, /cannot be used with/],
      [["--boot", "--container"], 1, /cannot be used with/],
    ];
    const ends = await Promise.all(wrong.map(async ([args]) => await attack(...args)));
    for (const [index, { exitCode, stdout, stderr }] of ends.entries()) {
      const [args = [], code, says] = wrong[index] ?? [];
      assert.deepEqual([exitCode, stdout], [code, ""], `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, says ?? /$^/, args.join(" "));
    }
  });
});
