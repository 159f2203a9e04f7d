import { randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { execa } from "execa";
import type { Attack, Control, Wall } from "../check.ts";
import { type ExperimentWall, experimentWall, type Results } from "../experiment.ts";
import type { Finished, Machine } from "../support/machine.ts";

/**
 * `cloister sync` brings back what a session left in the copy of an operator's folder. The operator's computer has keys,
 * and programs that obey files: nothing may be written outside of the folder, and nothing in it that a program obeys.
 */

/** Run inside a session, in the copy: all that it can arrange at once. */
const PLANT = `
import os, sys
os.chdir(os.path.expanduser("~/mnt/app"))
local, home = sys.argv[1:3]
open("plain", "w").write("plain of the session's")
os.unlink("gone"); os.symlink(local + "/file", "gone")
os.unlink("sub/kept"); os.rmdir("sub"); os.symlink(local, "sub")
os.symlink(local, "lead"); os.symlink("../../../../../../../.." + local, "up"); os.symlink(home + "/secret", "secret")
os.symlink("plain", "inside")
for name in ("a\\nb", "..\\n", "...", "-rf", "\\x1b[31mred", "\\u202egnp.exe"):
    open(name, "w").write("odd")
open(b"\\xff\\xfe", "w").write("odd")
os.mkdir("..."  + "d"); open("...d/..x", "w").write("odd")
os.mkfifo("fifo"); os.mkfifo("...d/fifo")
os.makedirs(".git/hooks", exist_ok=True)
open(".git/config", "w").write("[core]\\n\\tfsmonitor = touch /tmp/x\\n")
for name in ("COMMIT_EDITMSG", "MERGE_MSG", "SQUASH_MSG", "TAG_EDITMSG"):
    if os.path.lexists(".git/" + name): os.unlink(".git/" + name)
    os.symlink("config", ".git/" + name)
open(".git/hooks/post-checkout", "w").write("#!/bin/sh\\n"); os.chmod(".git/hooks/post-checkout", 0o755)
os.mkdir(".vscode"); open(".vscode/tasks.json", "w").write("{}")
open(".envrc", "w").write("x"); open(".GIT", "w").write("gitdir: /tmp/x\\n")
os.makedirs("bare/refs"); os.makedirs("bare/objects"); open("bare/HEAD", "w").write("ref: refs/heads/main\\n"); open("bare/config", "w").write("[core]\\n")
deep = os.getcwd()
for i in range(30): os.mkdir("d" * 100); os.chdir("d" * 100)
print("planted")
`;

/** Run inside a second session: each link of before is a folder or a file now. */
const TURN = `
import os
os.chdir(os.path.expanduser("~/mnt/app"))
for name in ("lead", "up", "sub", "inside"):
    os.unlink(name); os.mkdir(name); open(name + "/written", "w").write("by the session")
print("turned")
`;

/** Run inside a third one, which goes on while the folder is synced: a folder becomes a link, and one again. */
const SWAP = `
import os, sys
os.chdir(os.path.expanduser("~/mnt/app"))
os.makedirs("swapped/deep", exist_ok=True); open("swapped/deep/file", "w").write("own")
print("swapping", flush=True)
n = 0
while True:
    os.rename("swapped", "aside-%d" % (n % 2)); os.symlink(sys.argv[1], "swapped")
    os.unlink("swapped"); os.rename("aside-%d" % (n % 2), "swapped")
    n += 1
    if n % 200 == 0: open("swaps", "w").write(str(n))
`;

/**
 * Run inside one more: three trees with as many folders and files, and with paths of one length. In the first few folders are
 * one in the other, in the others all of them are. No deeper than a sync goes: it lists nothing of what is deeper.
 */
const NEST = `
import os, sys
for tree, name, deep in (("flat", "g" * 255, 6), ("usual", "_git", 390), ("git", ".git", 390)):
    os.chdir(os.path.expanduser("~/mnt/app"))
    os.mkdir("nest-" + tree); os.chdir("nest-" + tree)
    for i in range(deep): os.mkdir(name); os.chdir(name)
    for i in range(390 - deep): os.mkdir("g%d" % i)
    for i in range(int(sys.argv[1])): os.close(os.open("%d" % i, os.O_CREAT | os.O_WRONLY))
print("nested")
`;

/** Files of each tree: half a minute where each is judged by every folder above it. */
const NESTED = 2_000;

/** Run inside a last one: paths of one length, of which many make the tables of the operator's command slow. */
const LONG = `
import os, sys
os.chdir(os.path.expanduser("~/mnt/app"))
top = os.getcwd()
os.mkdir("wide"); os.chdir("wide")
for i in range(14): os.mkdir("w" * 250); os.chdir("w" * 250)
for i in range(int(sys.argv[1])): os.close(os.open("%0250d" % i, os.O_CREAT | os.O_WRONLY))
os.chdir(top); os.mkdir("deep"); os.chdir("deep")
for i in range(70): os.mkdir("d" * 250); os.chdir("d" * 250)
for i in range(int(sys.argv[1]) // 10): os.close(os.open("%0250d" % i, os.O_CREAT | os.O_WRONLY))
print("made")
`;

const CHECKS: ExperimentWall["checks"] = [
  { id: "links", what: "Files and folders of the copy become links that lead out of it, here and on the machine." },
  { id: "git-links", what: "Links in .git lead what git writes of a commit's message into git's settings." },
  {
    id: "long-paths",
    slow: true,
    what: "Thousands of long names, and paths longer than a program can name, which are all the same to this command's tables.",
  },
  {
    id: "two-steps",
    slow: true,
    what: "A link of one session is a folder of the next: nothing is written where the link led.",
  },
  {
    id: "nested",
    slow: true,
    what: "Hundreds of folders, one in the other, and thousands of files below: they are judged as fast as in few folders.",
  },
  { id: "names", what: "Names with line ends, escapes, text that turns round, dots and bytes that are no text." },
  { id: "types", what: "FIFOs, and programs with set-id bits that root made in the copy." },
  { id: "obeyed", what: "Files that git, editors, agents and shells obey, in several spellings." },
  {
    id: "swapped",
    slow: true,
    what: "A folder is swapped for a link to the operator's folder on the machine while it is synced.",
  },
];

/** Syncs. */
export const syncs: Wall = experimentWall({
  name: "syncs",
  keeps: "`sync` writes nothing outside of the operator's folder, and nothing in it that a program obeys unasked.",
  source: "16",
  checks: CHECKS,
  make,
});

async function make(machine: Machine): Promise<Results> {
  const tag = randomBytes(4).toString("hex");
  const here = await mkdtemp(join(tmpdir(), "cloister-syncs-"));
  const copy = `escape-sync-${tag}`;
  const home = `/home/operator/escape-${tag}`;
  const swapper = `swapper-${tag.replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] ?? "")}`;
  try {
    return await look(machine, { tag, here, copy, home, swapper });
  } finally {
    await machine.root(["cloister", "sessions", "rm", swapper]);
    await machine.root(["rm", "-rf", `/sessions/folders/${copy}`, home]);
    await rm(here, { recursive: true, force: true });
  }
}

interface Place {
  readonly tag: string;
  readonly here: string;
  readonly copy: string;
  readonly home: string;
  readonly swapper: string;
}

async function look(machine: Machine, { tag, here, copy, home, swapper }: Place): Promise<Results> {
  const outcome: Record<string, { attack: Attack; control: Control }> = {};
  const note = (id: string, attack: Attack, control: Control) => {
    outcome[id] = { attack, control };
  };
  const word = `canary-${tag}`;
  const [app, canary] = [join(here, "app"), join(here, "canary")];
  for (const folder of [join(app, "sub"), canary]) await mkdir(folder, { recursive: true });
  await writeFile(join(canary, "file"), word);
  for (const [name, text] of [
    ["plain", "the operator's"],
    ["gone", "the operator's"],
    ["sub/kept", "the operator's"],
  ] as const) {
    await writeFile(join(app, name), text);
  }
  const git = async (...words: string[]) => await execa("git", ["-C", app, ...words], { reject: false });
  await git("init", "-q", "--template=", "-b", "main");
  await git("config", "user.name", "the operator");
  await git("config", "user.email", "operator@example.com");
  await git("commit", "-q", "--allow-empty", "-m", "first");
  await machine.root([
    ...["sh", "-c", 'set -e; mkdir -p "$1"; echo "$2" > "$1/secret"; chown -R operator: "$1"; chmod 700 "$1"', "sh"],
    ...[home, word],
  ]);
  // This command's own state is kept apart: it must not stay with the one of the person who runs the suite.
  const sync = async (...more: string[]): Promise<Finished> =>
    await machine.operator(["sync", app, "--to", copy, ...more], { env: { XDG_STATE_HOME: join(here, "state") } });
  const mount = ["--mount", `/sessions/folders/${copy}:app:rwd`];
  const python = async (program: string, ...args: string[]) =>
    await machine.sealed(mount, ["/usr/bin/python3", "-c", program, ...args]);
  const told = ({ exitCode, stderr }: Finished) => `exit code ${exitCode}: ${stderr.trim().slice(-300)}`;

  const first = await sync();
  if (first.exitCode !== 0) throw new Error(`the folder could not be copied in: ${told(first)}`);
  const planted = await python(PLANT, canary, home);
  if (planted.run?.exitCode !== 0) throw new Error(`the session could not plant: ${planted.run?.stderr}`);
  await machine.root(["sh", "-c", 'cp /usr/bin/id "$1/tool"; chmod 6755 "$1/tool"', "sh", `/sessions/folders/${copy}`]);
  const back = await sync();
  const seen = await walk(app);
  const plain = (await readFile(join(app, "plain"), "utf8")) === "plain of the session's";
  const came: Control = { works: plain, saw: `a changed file came back: ${plain}; ${told(back)}` };
  const untouched = async (): Promise<string> => {
    const names = await readdir(canary);
    return names.join() === "file" && (await readFile(join(canary, "file"), "utf8")) === word ? "" : names.join(", ");
  };
  const beside = async (): Promise<string[]> =>
    (await readdir(here)).filter((name) => !["app", "canary", "state"].includes(name));

  const out = seen.filter(({ link = "" }) => link.startsWith("/") || link.startsWith("../"));
  const inside = seen.some(({ path, link }) => path === "inside" && link === "plain");
  const leaked = seen.filter(({ text }) => text?.includes(word));
  note(
    "links",
    {
      held: out.length + leaked.length === 0 && (await untouched()) === "",
      saw: `links that lead out: ${paths(out)}; contents: ${paths(leaked)}; ${told(back)}`,
    },
    { works: came.works && inside, saw: `${came.saw}; a link that stays inside came: ${inside}` },
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
  const raw = /[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/u.test(back.stderr + back.stdout);
  const odd = seen.filter(({ text }) => text === "odd").length;
  const strays = await beside();
  note(
    "names",
    {
      held: !raw && strays.length === 0,
      saw: `characters that act on a terminal: ${raw}; beside the folder: ${strays.join(", ") || "nothing"}`,
    },
    { works: came.works && odd >= 6, saw: `${odd} files with odd names are in the folder` },
  );
  const special = seen.filter(({ kind, mode }) => kind === "other" || (mode & 0o6000) !== 0);
  const tool = seen.some(({ path, mode }) => path === "tool" && (mode & 0o100) !== 0);
  note(
    "types",
    { held: special.length === 0, saw: `special files and bits here: ${paths(special)}` },
    { works: tool, saw: `the program itself came, without its bits: ${tool}` },
  );
  const obeyed = /^(\.git\/hooks|\.vscode|\.envrc|\.GIT$|bare\/config)/;
  const config = await readFile(join(app, ".git/config"), "utf8");
  const brought = seen.filter(({ path }) => obeyed.test(path));
  note(
    "obeyed",
    {
      held: brought.length === 0 && !config.includes("fsmonitor") && /git obeys it/.test(back.stderr),
      saw: `brought: ${paths(brought)}; .git/config says ${JSON.stringify(config)}; ${told(back)}`,
    },
    came,
  );

  const message = ["commit", "-q", "--allow-empty", "-m", "[core]\n\tevil = true"];
  const linked = seen.filter(({ path, link }) => path.startsWith(".git/") && link !== undefined);
  const committed = await git(...message);
  const evil = (await git("config", "core.evil")).stdout;
  await rm(join(app, ".git/COMMIT_EDITMSG"), { force: true });
  await symlink("config", join(app, ".git/COMMIT_EDITMSG"));
  await git(...message);
  const led = (await git("config", "core.evil")).stdout;
  await rm(join(app, ".git/COMMIT_EDITMSG"));
  await writeFile(join(app, ".git/config"), config);
  note(
    "git-links",
    {
      held: linked.length === 0 && committed.exitCode === 0 && evil === "",
      saw: `links in .git: ${paths(linked)}; after a commit here git's setting is ${evil || "not there"}`,
    },
    { works: came.works && led === "true", saw: `${came.saw}; with such a link made by hand the setting is ${led}` },
  );
  if (machine.scale.quick) return outcome;

  const turned = await python(TURN);
  const again = await sync();
  const written = await readFile(join(app, "lead/written"), "utf8").catch(() => "");
  note(
    "two-steps",
    { held: (await untouched()) === "", saw: `the folder beside has ${(await untouched()) || "what it had"}` },
    {
      works: turned.run?.exitCode === 0 && written === "by the session",
      saw: `the same path in the folder has ${written || "nothing"}; ${told(again)}`,
    },
  );

  const started = await machine.root([
    ...["cloister", "run", "--detach", "--name", swapper, ...mount, "--"],
    ...["/usr/bin/python3", "-c", SWAP, home],
  ]);
  for (let tries = 0; tries < 60; tries++) {
    if ((await machine.root(["cloister", "logs", swapper])).stdout.includes("swapping")) break;
  }
  const during: Finished[] = [];
  for (let round = 0; round < 3; round++) during.push(await sync());
  await machine.root(["cloister", "sessions", "stop", swapper]);
  const swaps = Number(
    (await machine.root(["cat", `/sessions/folders/${copy}/swaps`])).stdout.trim().split("\n").at(-1) ?? 0,
  );
  const secrets = (await walk(app)).filter(({ text }) => text?.includes(word));
  const listed = await machine.root(["ls", "-A", home]);
  note(
    "swapped",
    {
      held: secrets.length === 0 && listed.stdout.trim() === "secret" && (await untouched()) === "",
      saw: `contents that came: ${paths(secrets)}; the operator's folder has ${listed.stdout.trim()}; ${during.map(told).join("; ")}`,
    },
    { works: swaps > 200, saw: `${swaps} swaps meanwhile; ${started.stdout.trim()}` },
  );

  const trees = ["flat", "usual", "git"];
  const nested = await python(NEST, `${NESTED}`);
  // Nothing is brought: listing and judging are what is timed, and the listing takes all three alike.
  const timed = async (tree: string) => {
    const others = trees.filter((one) => one !== tree).flatMap((one) => ["--exclude", `nest-${one}`]);
    const began = performance.now();
    const ran = await sync("--dry-run", ...others);
    const count = (words: RegExp) => Number(words.exec(ran.stderr)?.[1] ?? 0);
    const seconds = (performance.now() - began) / 1000;
    const [brought, stays] = [count(/, (\d+) brought back/), count(/^cloister: not brought back, .*: (\d+)$/m)];
    return { ...ran, seconds, told: { brought, stays } };
  };
  const flat = await timed("flat");
  const deep = [await timed("usual"), await timed("git")] as const;
  // Judged folder by folder for each path it took fifteen times as long. A busy computer takes twice as long for the deep ones.
  const most = 4 * flat.seconds + 10;
  const counted = JSON.stringify([flat, ...deep].map((one) => one.told));
  note(
    "nested",
    {
      held: deep.every(({ seconds, exitCode }) => seconds < most && [0, 3].includes(exitCode)),
      saw: `folders called _git and .git: ${deep.map(({ seconds }) => seconds.toFixed(1)).join(" s and ")} s; ${told(deep[1])}`,
    },
    {
      // What is not listed is not judged: all files are told, as what would come or as what stays.
      works:
        nested.run?.stdout.trim() === "nested" &&
        Math.min(flat.told.brought, deep[0].told.brought, deep[1].told.stays) >= NESTED,
      saw: `as many in few folders: ${flat.seconds.toFixed(1)} s; told of each tree: ${counted}; ${told(flat)}`,
    },
  );

  // Last: the folder is not synced any more until this is left out.
  const wide = await python(LONG, `${machine.scale.files / 20}`);
  const began = performance.now();
  const long = await sync("--exclude", "nest-*");
  const seconds = (performance.now() - began) / 1000;
  const without = await sync("--exclude", "nest-*", "--exclude", "deep", "--exclude", "wide");
  note(
    "long-paths",
    {
      held: long.exitCode > 0 && long.exitCode < 128 && /more than 4096 bytes/.test(long.stderr),
      saw: `after ${seconds.toFixed(1)} s: ${told(long)}`,
    },
    {
      // 3: the links of before are left out.
      works: wide.run?.exitCode === 0 && [0, 3].includes(without.exitCode),
      saw: `the session: ${wide.run?.stdout.trim()}; without these folders: ${told(without)}`,
    },
  );
  return outcome;
}

interface Seen {
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  readonly mode: number;
  readonly text?: string;
  readonly link?: string;
}

const paths = (seen: readonly Seen[]): string =>
  seen.map(({ path, link }) => JSON.stringify(link === undefined ? path : `${path} -> ${link}`)).join(", ") || "none";

/** All below a folder of this computer. No link is followed. */
async function walk(top: string, at = top): Promise<Seen[]> {
  const found: Seen[] = [];
  for (const name of await readdir(at, { encoding: "buffer" })) {
    const bytes = Buffer.concat([Buffer.from(`${at}/`), name]);
    const full = join(at, name.toString("latin1"));
    const info = await lstat(bytes);
    const path = relative(top, full);
    const { mode } = info;
    if (info.isSymbolicLink()) found.push({ path, kind: "link", mode, link: await readlink(bytes) });
    else if (info.isFile()) {
      found.push({ path, kind: "file", mode, text: (await readFile(bytes)).subarray(0, 4096).toString("latin1") });
    } else if (info.isDirectory()) {
      found.push({ path, kind: "folder", mode });
      // The deep tree's names are plain: a path of text leads there.
      if (Buffer.from(full, "utf8").equals(bytes) && full.length < 3_500) found.push(...(await walk(top, full)));
    } else found.push({ path, kind: "other", mode });
  }
  return found;
}
