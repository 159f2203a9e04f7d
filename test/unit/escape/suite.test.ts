import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { programOf } from "../../escape/batch.ts";
import { type Attack, type Check, type Control, makeCheck, passes, rowFails } from "../../escape/check.ts";
import { chooseWalls, idsOf, quickWalls } from "../../escape/suite.ts";
import { inContainer, NAMED, whyNotInContainer } from "../../escape/support/container-walls.ts";
import type { Finished, Machine } from "../../escape/support/machine.ts";
import { quick, scaleOf, thorough } from "../../escape/support/machine.ts";
import { WALLS } from "../../escape/walls/index.ts";

const ESCAPE = join(import.meta.dirname, "../../escape");
const scale = scaleOf(true, 1);

/** A machine that answers every command alike. */
const machineOf = (answer: Finished): Machine => ({
  scale,
  root: async () => answer,
  sealed: async () => answer,
  operator: async () => answer,
});

const checkOf = (attack: () => Promise<Attack>, control: () => Promise<Control>): Check => ({
  id: "a.b",
  wall: "a",
  what: "",
  source: "1",
  attack,
  control,
});
const held = async () => ({ held: true, saw: "" });
const works = async () => ({ works: true, saw: "" });
const nobody = machineOf({ exitCode: 1, stdout: "", stderr: "no such machine" });

/** Parses programs, and every text in them that is a script: it ends by saying or reporting something. */
const READ = `
import ast, sys
scripts = 0
for path in sys.argv[1:]:
    tree = ast.parse(open(path).read(), path)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if text.count("\\n") > 2 and ("say(" in text or "report(" in text):
            ast.parse(text, path + " line " + str(node.lineno))
            scripts += 1
print(scripts)
`;

describe("a check of the escape suite", () => {
  it("holds only when the attack failed and its control worked", async () => {
    assert.equal((await makeCheck(checkOf(held, works), nobody)).verdict, "held");
    const succeeded = async () => ({ held: false, saw: "read" });
    assert.equal((await makeCheck(checkOf(succeeded, works), nobody)).verdict, "broken");
    const idle = async () => ({ works: false, saw: "" });
    assert.equal((await makeCheck(checkOf(held, idle), nobody)).verdict, "unproven");
    assert.equal((await makeCheck(checkOf(succeeded, idle), nobody)).verdict, "broken");
  });

  it("is an error, not a success, when it could not be made", async () => {
    const fails = async (): Promise<never> => {
      throw new Error("lost");
    };
    for (const check of [checkOf(fails, works), checkOf(held, fails)]) {
      const row = await makeCheck(check, nobody);
      assert.equal(row.verdict, "error");
      assert.ok(!passes(row));
      assert.match(rowFails(row) ?? "", /lost/);
    }
  });
});

describe("the walls of the escape suite", () => {
  const walls = WALLS;

  it("have names of their own, and every check one of its wall's", () => {
    assert.equal(new Set(walls.map(({ name }) => name)).size, walls.length);
    const ids = idsOf(walls);
    assert.equal(new Set(ids).size, ids.length);
    for (const wall of walls) for (const check of wall.checks) assert.equal(check.id.split(".")[0], wall.name);
  });

  it("cover every item of the issue, the reference's list, locks, git, trash, limits and rights", () => {
    const sources = new Set(walls.flatMap(({ checks }) => checks.map(({ source }) => source)));
    for (let item = 1; item <= 14; item++) assert.ok(sources.has(String(item)), `item ${item}`);
    for (const source of ["2.5", "locks", "git", "trash", "limits", "least rights"])
      assert.ok(sources.has(source), source);
  });

  it("are one file each", () => {
    const files = readdirSync(join(ESCAPE, "walls")).filter((name) => name.endsWith(".ts") && name !== "index.ts");
    assert.deepEqual(files.map((name) => name.replace(/\.ts$/, "")).sort(), walls.map(({ name }) => name).sort());
  });

  it("are found by name, in the suite's order", () => {
    assert.deepEqual(
      chooseWalls(walls, ["work", "folders"]).map(({ name }) => name),
      ["folders", "work"],
    );
    assert.equal(chooseWalls(walls, undefined).length, walls.length);
    assert.throws(() => chooseWalls(walls, ["wals"]), /there is no wall wals: one of folders,/);
  });

  it("are an error each when their program says nothing, or not all of it", async () => {
    for (const wall of walls.filter(({ name }) => !["edge", "copies"].includes(name))) {
      const [check] = wall.checks;
      assert.ok(check);
      assert.equal((await makeCheck(check, nobody)).verdict, "error");
    }
    const [folders] = walls;
    const empty = machineOf({ exitCode: 0, stdout: "\ncloister-escape-outcomes:{}\n", stderr: "" });
    const row = await makeCheck(folders?.checks[0] as Check, empty);
    assert.match(row.attack, /said nothing of folders\.overlap-read's attack/);
  });

  it("run their program once for all their checks", async () => {
    let runs = 0;
    const answer = { exitCode: 0, stdout: "cloister-escape-outcomes:{}", stderr: "" };
    const machine: Machine = {
      ...machineOf(answer),
      root: async () => {
        runs++;
        return answer;
      },
    };
    const [wall] = WALLS;
    for (const check of wall?.checks ?? []) await makeCheck(check, machine);
    assert.equal(runs, 1);
  });

  it("are all in `npm test`, without the checks that take long, which their programs are told", async () => {
    const walls = quickWalls(WALLS);
    for (const { name, checks } of walls) assert.ok(checks.length > 0, name);
    assert.ok(idsOf(walls).length > 100, `${idsOf(walls).length} checks are quick`);
    assert.ok(idsOf(walls).length < idsOf(WALLS).length);
    const told: unknown[] = [];
    const answer = { exitCode: 0, stdout: "cloister-escape-outcomes:{}", stderr: "" };
    const machine: Machine = {
      ...machineOf(answer),
      root: async (command) => {
        told.push(JSON.parse(command.at(-1) ?? ""));
        return answer;
      },
    };
    const marks = chooseWalls(WALLS, ["marks"])[0]?.checks[0] as Check;
    await makeCheck(marks, machine);
    await makeCheck(marks, { ...machine, scale: quick(scale) });
    const slow = (told as { slowChecks: string[] }[]).map(({ slowChecks }) => slowChecks);
    assert.deepEqual(slow[0], []);
    assert.ok(slow[1]?.includes("marks.output") && !slow[1].includes("marks.fifo"), `${slow[1]}`);
  });

  it("tell what each of their checks took, where their program does", async () => {
    const outcome = { attack: { held: true, saw: "" }, control: { works: true, saw: "" }, seconds: 61.5 };
    const said = JSON.stringify({ "folders.lease": outcome });
    const answer = { exitCode: 0, stdout: `cloister-escape-outcomes:${said}`, stderr: "" };
    const lease = WALLS[0]?.checks.find(({ id }) => id === "folders.lease") as Check;
    const row = await makeCheck(lease, machineOf(answer));
    assert.deepEqual([row.verdict, row.seconds], ["held", 61.5]);
  });

  const programs = readdirSync(join(ESCAPE, "walls")).filter((name) => name.endsWith(".py"));
  for (const file of programs) {
    const name = file.replace(/\.py$/, "");
    it(`${name}: its program speaks of its checks, and of no others`, () => {
      const wall = walls.find((one) => one.name === name);
      const text = programOf(name);
      const written = [...text.matchAll(new RegExp(`(?<![\\w/-])${name}\\.([a-z0-9-]+)(?=["'])`, "g"))].map(
        ([id]) => id,
      );
      const ids = wall?.checks.map(({ id }) => id) ?? [];
      for (const id of written) assert.ok(ids.includes(id), id);
      for (const id of ids) {
        const short = id.slice(name.length + 1);
        assert.ok(written.includes(id) || text.includes(`"${short}"`), `${id} is not in ${file}`);
      }
    });
  }

  it("have programs that Python can read, and so are the scripts in them, which run in sessions", function () {
    this.timeout(30_000);
    const paths = ["far/library.py", "fuzz/round.py", ...programs.map((file) => `walls/${file}`)];
    const { exitCode, stdout, stderr } = execaSync("python3", ["-c", READ, ...paths], { cwd: ESCAPE, reject: false });
    assert.equal(exitCode, 0, stderr);
    assert.ok(Number(stdout) > 50, `${stdout} scripts were found`);
  });

  it("do as often as the issue says when they may take their time", () => {
    const { kills, cycles, files } = thorough(scale);
    assert.deepEqual([kills, cycles, files], [100, 100, 100_000]);
  });
});

describe("the walls of a container", () => {
  const all = WALLS.flatMap(({ checks }) => checks);

  it("name what does not apply there, each with a reason, and nothing that is not in the suite", async () => {
    const known = new Set([...WALLS.map(({ name }) => name), ...all.map(({ id }) => id)]);
    assert.deepEqual(
      NAMED.filter((name) => !known.has(name)),
      [],
    );
    const rows = inContainer(WALLS).flatMap(({ checks }) => checks);
    assert.deepEqual(
      rows.map(({ id }) => id),
      all.map(({ id }) => id),
    );
    const applies = all.filter((check) => whyNotInContainer(check) === undefined);
    assert.ok(applies.length > 35, `${applies.length} apply`);
    for (const wall of ["folders", "marks", "bits", "bridges", "proxies", "work"]) {
      assert.ok(
        applies.some((check) => check.wall === wall),
        wall,
      );
    }
    const copies = rows.find(({ wall }) => wall === "copies");
    assert.deepEqual((await makeCheck(copies as Check, nobody)).verdict, "absent");
  });
});
