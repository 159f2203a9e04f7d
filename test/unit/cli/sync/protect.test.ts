import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { excluding, readPatterns } from "../../../../cli/sync/exclude.ts";
import type { Entry, Listing } from "../../../../cli/sync/listing.ts";
import { planSync } from "../../../../cli/sync/plan.ts";
import { protection } from "../../../../cli/sync/protect.ts";

const file = (digest: string): Entry => ({ kind: "f", digest, runs: false, size: 1n, mtime: 1n });
const latin1 = (text: string): string => Buffer.from(text).toString("latin1");

describe("changes of a session that programs would obey", () => {
  const judge = protection([], []);

  it("stay on the machine, however they are spelt", () => {
    for (const path of [
      ".git/config",
      ".git/hooks/pre-commit",
      ".git/config.worktree",
      ".git/modules/a/config",
      ".git/worktrees/a/gitdir",
      ".git/commondir",
      ".git/info/attributes",
      ".git/objects/info/alternates",
      ".git/rebase-merge/git-rebase-todo",
      "sub/.git/config",
      ".GIT/config",
      ".git/CONFIG",
      ".git/Hooks/x",
      ".git./config",
      "git~1/config",
      latin1(".g\u200cit/config"),
      latin1(".git/objects/inf\u200co/alternates"),
      ".vscode/tasks.json",
      "deep/.IDEA/workspace.xml",
      ".claude/settings.json",
      ".envrc",
      ".husky/pre-commit",
      ".cloisterignore",
      ".vscode. /tasks.json",
      "a.code-workspace",
      ".dir-locals-2.el",
      ".pre-commit-config.yaml",
      "lefthook.yml",
      ".envrc.local",
      "mise.local.toml",
      ".config/mise/config.toml",
      "flake.nix",
      "sub/.npmrc",
      ".yarn/releases/yarn-4.cjs",
      ".cargo/config.toml",
      "rust-toolchain.toml",
      ".Rprofile",
      ".github/copilot-instructions.md",
      ".hg/hgrc",
      "sub/.hg/hgrc",
      ".HG/sharedpath",
      ".jj/repo/config.toml",
      ".sl/config",
      "_darcs/prefs/defaults",
      ".repo/repo/main.py",
      "pnpm-workspace.yaml",
    ])
      assert.ok(judge(path, "f"), path);
    for (const kind of ["f", "l"] as const) assert.ok(judge("vendor/.git", kind), kind);
    assert.ok(judge(".hg", "l"));
  });

  it("come back when they are only work: the control", () => {
    for (const path of [
      "src/config",
      "hooks/x",
      ".gitignore",
      ".gitattributes",
      ".git/HEAD",
      ".git/index",
      ".git/refs/heads/main",
      ".git/refs/heads/hooks/config",
      ".git/objects/ab/cdef",
      ".git/objects/pack/pack-1.pack",
      ".git/logs/HEAD",
      "package.json",
      ".yarn/cache/a.zip",
      "mise/config.toml",
      "config/mise.yaml",
      ".github/workflows/test.yml",
    ])
      assert.equal(judge(path, "f"), undefined, path);
    assert.equal(judge(".git", "d"), undefined);
    assert.equal(protection([], [], [".git/config"])(".git/config", "f"), undefined);
    assert.ok(protection([], [], [".git/config"])(".git/configs", "f"), "only what was named");
  });

  it("make no folder a repository, also not in parts", () => {
    const head = ["evil/HEAD", "evil/objects", "evil/refs"];
    const whole = protection([], [...head, "evil/config"]);
    for (const path of ["evil/config", "evil/HEAD", "evil/objects/x", "evil/refs/x"]) assert.ok(whole(path, "f"), path);
    assert.equal(whole("evil/readme", "f"), undefined);
    // The folder's settings came with an earlier sync, as an ordinary file: what is missing does not follow.
    const late = protection(["evil/config", "evil/HEAD"], ["evil/config", ...head]);
    assert.ok(late("evil/objects", "d"));
    assert.ok(late("evil/refs", "d"));
    // The operator's own bare repository: its work comes, its settings do not.
    const own = protection(head, head);
    assert.equal(own("evil/refs/heads/main", "f"), undefined);
    assert.ok(own("evil/config", "f"));
    const top = protection([], ["HEAD", "objects", "refs", "config"]);
    assert.ok(top("config", "f"));
    assert.ok(top("HEAD", "f"));
  });

  it("are judged at once, however many folders they are in", () => {
    const folders = Array.from({ length: 390 }, (_, i) => `${"d/".repeat(i)}d`);
    const files = (prefix: string) => Array.from({ length: 4_000 }, (_, i) => `${prefix}f${i}`);
    const listing = (paths: readonly string[]) => new Map(paths.map((path) => [path, file("1")]));
    const planned = (paths: readonly string[]) => {
      const begun = performance.now();
      const plan = planSync(new Map(), new Map([["fifo", { kind: "?" }]]), listing(paths));
      return { plan, ms: performance.now() - begun };
    };
    const flat = planned([...folders.map((_, i) => `g${i}`), ...files("")]);
    const deep = planned([...folders, ...files("d/".repeat(390))]);
    const orders = [`${"d/".repeat(390)}.git/config`, `${"d/".repeat(390)}.git/refs/a`];
    assert.deepEqual(planned([...folders, ...orders]).plan.protectedPaths, [{ path: orders[0], why: "git obeys it" }]);
    assert.equal(flat.plan.bring.length, 4_390);
    assert.equal(deep.plan.bring.length, 4_390);
    assert.ok(deep.ms < 4_000 + 40 * flat.ms, `${Math.round(deep.ms)} ms, and ${Math.round(flat.ms)} ms in one folder`);
  }).timeout(180_000);

  it("stay in a folder whose name is not seen", () => {
    const unseen = latin1("\u200c");
    const head = [`${unseen}/HEAD`, `${unseen}/objects`, `${unseen}/refs`];
    assert.ok(protection(head, [])(`${unseen}/config`, "f"));
    assert.equal(protection(head, [])(`${unseen}/readme`, "f"), undefined, "control");
  });

  it("stay when they are links in git's own folder: git would write a commit's message through them", () => {
    for (const path of [
      ".git/MERGE_MSG",
      ".git/COMMIT_EDITMSG",
      ".git/refs/heads",
      ".git/logs/HEAD",
      "sub/.git/index",
    ]) {
      assert.ok(judge(path, "l"), path);
      assert.equal(judge(path, "f"), undefined, `control: a file ${path}`);
    }
    const bare = protection(["b/HEAD", "b/objects", "b/refs"], []);
    assert.ok(bare("b/MERGE_MSG", "l"));
    assert.equal(bare("c/MERGE_MSG", "l"), undefined, "control: in no repository");
  });

  it("stay where a link of the operator's leads to them from what is obeyed", () => {
    const here: Listing = new Map<string, Entry>([
      [".vscode", { kind: "l", target: "tools/editor" }],
      ["tools/editor/tasks.json", { kind: "l", target: "../../conf/./tasks.json" }],
      [".git/hooks", { kind: "l", target: "/home/me/app/hooks" }],
      [".husky", { kind: "l", target: "turn/inner" }],
      ["turn", { kind: "l", target: "aside" }],
      ["elsewhere", { kind: "l", target: "src" }],
      [".envrc", { kind: "l", target: "../out" }],
    ]);
    const plan = (paths: readonly string[], bring: readonly string[] = []) => {
      const there = new Map([...here, ...paths.map((path) => [path, file("x")] as const)]);
      return planSync(new Map(), here, there, { folder: "/home/me/app", bring });
    };
    const led = ["aside/inner/pre-commit", "conf/tasks.json", "hooks/post-checkout", "tools/editor/settings.json"];
    const work = ["aside/other", "conf/other.json", "out", "src/a"];
    const found = plan([...led, ...work]);
    assert.deepEqual(
      found.protectedPaths.map(({ path }) => path),
      led,
    );
    assert.deepEqual(found.bring, work, "control: all others come");
    assert.ok(plan(["Tools/Editor/settings.json"]).protectedPaths.length === 1, "in other letters");
    assert.deepEqual(plan(["conf/tasks.json"], ["conf/tasks.json"]).bring, ["conf/tasks.json"]);
  });
});

describe("the plan of a sync", () => {
  const names = fc.constantFrom("a", "b", "d/x", "d/y", ".git/HEAD", ".git/config", ".git/refs/m", ".git/objects/1");
  const side = fc.dictionary(names, fc.constantFrom("1", "2", "3"), { noNullPrototype: true });
  const listing = (digests: Record<string, string>): Listing =>
    new Map(Object.entries(digests).map(([path, digest]) => [path, file(digest)]));

  it("moves each path one way at most, touches no conflict, and brings nothing back that is protected", () => {
    fc.assert(
      fc.property(side, side, side, (before, mine, theirs) => {
        const base = new Map(Object.entries(before).map(([path, digest]) => [path, `f-${digest}`]));
        const plan = planSync(base, listing(mine), listing(theirs));
        const moved = [...plan.send, ...plan.deleteThere, ...plan.bring, ...plan.deleteHere];
        assert.equal(new Set(moved).size, moved.length);
        for (const path of [...plan.bring, ...plan.deleteHere]) {
          assert.notEqual(path, ".git/config");
          assert.equal(mine[path], before[path], `${path}: the operator's own change is not overwritten`);
        }
        for (const path of [...plan.send, ...plan.deleteThere])
          assert.equal(theirs[path], before[path], `${path}: a session's change is not overwritten`);
      }),
      { numRuns: 2_000 },
    );
  });

  it("ends with both sides the same, when a side is preferred and nothing is protected", () => {
    const plain = fc.dictionary(fc.constantFrom("a", "b", "d/x"), fc.constantFrom("1", "2"), { noNullPrototype: true });
    fc.assert(
      fc.property(
        plain,
        plain,
        plain,
        fc.constantFrom("here" as const, "machine" as const),
        (b, mine, theirs, prefer) => {
          const base = new Map(Object.entries(b).map(([path, digest]) => [path, `f-${digest}`]));
          const { send, deleteThere, bring, deleteHere } = planSync(base, listing(mine), listing(theirs), { prefer });
          const [here, there] = [mine, theirs].map((side) => new Map<string, string>(Object.entries(side))) as [
            Map<string, string>,
            Map<string, string>,
          ];
          for (const path of send) there.set(path, mine[path] ?? "");
          for (const path of deleteThere) there.delete(path);
          for (const path of bring) here.set(path, theirs[path] ?? "");
          for (const path of deleteHere) here.delete(path);
          assert.deepEqual([...here].sort(), [...there].sort());
        },
      ),
    );
  });

  it("takes nothing below what cannot be read for deleted", () => {
    const base = new Map([
      ["d", "d"],
      ["d/x", "f-1"],
    ]);
    const here = new Map<string, Entry>([
      ["d", { kind: "d" }],
      ["d/x", file("1")],
    ]);
    const plan = planSync(base, here, new Map<string, Entry>([["d", { kind: "?" }]]));
    assert.deepEqual([plan.deleteHere, plan.send, plan.unknown], [[], [], ["d"]]);
  });
});

describe("what is excluded from a sync", () => {
  const excluded = (pattern: string, path: string): boolean => new RegExp(excluding([pattern])).test(latin1(path));

  it("is a name at any depth, or a path from the top, with all that is in it", () => {
    for (const [pattern, path] of [
      ["node_modules", "node_modules"],
      ["node_modules", "a/node_modules/b"],
      ["*.log", "a/b.log"],
      ["build/out", "build/out/x"],
      ["/build", "build"],
      ["a+b (1)", "a+b (1)"],
      ["Grüße", "x/Grüße"],
    ] as const)
      assert.ok(excluded(pattern, path), `${pattern}: ${path}`);
    for (const [pattern, path] of [
      ["node_modules", "node_modules2"],
      ["*.log", "a/b.logs"],
      ["build/out", "x/build/out"],
      ["/build", "a/build"],
      ["a.b", "aXb"],
    ] as const)
      assert.ok(!excluded(pattern, path), `${pattern}: ${path}`);
    assert.ok(excluded("x", "sub/.git/refs/heads/main.lock"), "locks of git's never move");
  });

  it("is the same for both ends, also with names that end in a line feed", () => {
    const source = excluding(["node_modules", "*.log", "build/out", "Grüße"]);
    const paths = [
      "node_modules",
      "node_modules\n",
      "x.log\n",
      ".git/x.lock",
      ".git/x.lock\n",
      "build/out/x",
      latin1("Grüße"),
    ];
    const python = `import json, re, sys
found = [re.search(sys.argv[1].encode(), path.encode("latin1")) is not None for path in json.loads(sys.argv[2])]
print(json.dumps(found))`;
    const there = execFileSync("python3", ["-c", python, source, JSON.stringify(paths)], { encoding: "utf8" });
    const here = paths.map((path) => new RegExp(source).test(path));
    assert.deepEqual(JSON.parse(there), here);
    assert.deepEqual(here, [true, false, false, true, false, true, true], "the control");
  });

  it("takes no square of a path's length, at either end: a session nests folders of this name", () => {
    const nested = `${".git/".repeat(20_000)}x`;
    const python = `import re, sys, time
path, began = sys.stdin.buffer.read(), time.process_time()
print(re.search(sys.argv[1].encode(), path) is not None, time.process_time() - began)`;
    const there = (path: string) => {
      const said = execFileSync("python3", ["-c", python, excluding([])], { encoding: "utf8", input: path });
      return said.trim().split(" ");
    };
    assert.equal(there(`${nested}.lock`)[0], "True", "the control");
    const [found, seconds] = there(nested);
    assert.equal(found, "False");
    assert.ok(Number(seconds) < 0.5, `${seconds} s`);
    const began = process.cpuUsage();
    assert.ok(!excluded("y", nested));
    const { user } = process.cpuUsage(began);
    assert.ok(user < 500_000, `${user / 1000} ms`);
  });

  it("is refused when it names everything or leads out", () => {
    for (const pattern of ["", "*", "/", "..", "a/../b", "."])
      assert.throws(() => excluding([pattern]), /excludes nothing/);
    assert.deepEqual(readPatterns("# no\n\n .env \r\nbuild/\n"), [".env", "build/"]);
  });
});
