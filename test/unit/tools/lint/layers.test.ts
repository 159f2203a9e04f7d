import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { generated } from "../../../../tools/docs/imports.ts";
import { arrows, circle, folderOf, PROJECT, readImports } from "../../../../tools/lint/imports.ts";
import { LAYERS } from "../../../../tools/lint/layers.ts";

const FOLDERS = Object.keys(LAYERS);

describe("the layers", () => {
  const imports = readImports();

  it("name every folder that has sources, from the ground up", () => {
    const there = new Set([...imports.keys()].map(folderOf).filter((folder) => folder !== undefined));
    assert.deepEqual(
      [...there].filter((folder) => !FOLDERS.includes(folder)),
      [],
      "give each of these a row in tools/lint/layers.ts",
    );
    for (const [index, folder] of FOLDERS.entries()) {
      const above = LAYERS[folder]?.filter((other) => FOLDERS.indexOf(other) >= index);
      assert.deepEqual(above, [], `${folder} may import only what stands above it in the list`);
    }
  });

  it("allow every import there is, types included, and none of a test", () => {
    const wrong = [...arrows(imports)].flatMap(([from, targets]) =>
      [...targets].filter(([to]) => !LAYERS[from]?.includes(to)).flatMap(([, which]) => which),
    );
    assert.deepEqual(wrong, []);
    assert.ok(FOLDERS.every((folder) => !LAYERS[folder]?.includes("test")));
  });

  it("find no circle of files", () => {
    assert.equal(circle(imports), undefined);
  });

  it("would find one", () => {
    const imports = new Map([
      ["a.ts", ["b.ts"]],
      ["b.ts", ["c.ts", "d.ts"]],
      ["c.ts", []],
      ["d.ts", ["b.ts"]],
    ]);
    assert.deepEqual(circle(imports), ["b.ts", "d.ts", "b.ts"]);
  });

  it("are what Biome and docs/architecture.md were told", () => {
    for (const [path, text] of generated()) assert.equal(readFileSync(join(PROJECT, path), "utf8"), text, path);
  });

  it("see imports of every kind", () => {
    const seen = arrows(imports);
    assert.ok(seen.get("infra")?.has("contract"));
    // A dynamic import, and one of a type only.
    assert.ok(imports.get("images/runtime/missing.ts")?.includes("images/runtime/go.ts"));
    assert.ok(imports.get("infra/settings/schema.ts")?.length);
  });
});

/** A file with one import, and whether the layers allow it. */
interface Probe {
  readonly file: string;
  readonly imported: string;
  readonly allowed: boolean;
}

/** For one folder, at its root and in a room: all that it may import and all that it may not. */
function probes(folder: string): Probe[] {
  const places = [
    [folder, "../"],
    [`${folder}/lib/cli`, "../../../"],
  ] as const;
  return places.flatMap(([place, out]) => [
    ...FOLDERS.filter((other) => other !== folder).map((other) => ({
      file: `${place}/imports-${other}.ts`,
      imported: `${out}${other}/x.ts`,
      allowed: LAYERS[folder]?.includes(other) ?? false,
    })),
    // Its own rooms, though they have the names of folders.
    { file: `${place}/imports-own.ts`, imported: "./cli/x.ts", allowed: true },
    { file: `${folder}/lib/cli/imports-own-above.ts`, imported: "../../lib/x.ts", allowed: true },
  ]);
}

describe("biome lint", function () {
  this.timeout(60_000);
  const refused = new Map<string, string>();

  before(() => {
    const project = mkdtempSync(join(tmpdir(), "layers-"));
    try {
      for (const { file, imported } of FOLDERS.flatMap(probes)) {
        mkdirSync(dirname(join(project, file)), { recursive: true });
        writeFileSync(join(project, file), `import { x } from "${imported}";\n\nconsole.log(x);\n`);
      }
      for (const file of ["biome.json", "tools/lint/layers.json"]) {
        mkdirSync(dirname(join(project, file)), { recursive: true });
        cpSync(join(PROJECT, file), join(project, file));
      }
      // Without git, whose list of ignored files needs a repository.
      const config = JSON.parse(readFileSync(join(project, "biome.json"), "utf8")) as Record<string, unknown>;
      writeFileSync(join(project, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
      const biome = join(PROJECT, "node_modules/@biomejs/biome/bin/biome");
      const args = [biome, "lint", "--reporter=json", "--max-diagnostics=none", "."];
      const { stdout, status } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
      assert.equal(status, 1, "the lint fails");
      const { diagnostics } = JSON.parse(stdout) as {
        diagnostics: { category: string; description: string; location: { path: { file: string } } }[];
      };
      for (const { category, description, location } of diagnostics) {
        assert.equal(category, "lint/style/noRestrictedImports");
        refused.set(location.path.file, description);
      }
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  });

  for (const folder of FOLDERS) {
    it(`refuses each import that ${folder} may not make, and no other`, () => {
      for (const { file, imported, allowed } of probes(folder)) {
        assert.equal(refused.has(file), !allowed, `${file} imports ${imported}`);
        if (!allowed) assert.match(refused.get(file) ?? "", new RegExp(`^${folder} imports (only|nothing)`));
      }
    });
  }

  it("refuses something in every folder but in the tests, who may import all that is not an example", () => {
    for (const folder of FOLDERS) {
      const count = probes(folder).filter(({ file }) => refused.has(file)).length;
      assert.ok(folder === "test" ? count === 2 : count >= 4, `${folder}: ${count}`);
    }
  });
});
