import { randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Attack, Control, Wall } from "../check.ts";
import { type ExperimentWall, experimentWall, type Results } from "../experiment.ts";
import type { Machine } from "../support/machine.ts";

/**
 * `cloister cp` between this computer and a folder that a session had. Both ends have something to lose: the
 * operator's files on the machine, and those here.
 */

/** Everything that the checks look at. It is made once for each machine: the copies cost seconds each. */
/** Run inside a session, in its folder. */
const PLANT = `
import os, sys
os.chdir(os.path.expanduser("~/mnt/f"))
home, root, local = sys.argv[1:4]
os.symlink(home + "/file", "notes.txt")
os.symlink(home + "/dir", "sub")
os.symlink(root, "as-root.txt")
# These are not in the folder that is copied over this one, in which a link gives way.
os.symlink(home + "/dir", "through"); os.symlink(root, "root-too.txt")
os.symlink(home + "/made-here", "dangling.txt")
os.mkdir("out")
os.symlink(home + "/file", "out/secret")
os.symlink(home, "out/whole")
os.symlink("/etc", "out/etc")
os.symlink(local, "out/lead")
os.symlink("..", "out/up")
os.mkfifo("out/fifo")
open("out/plain", "w").write("plain of the session's")
open("out/--option", "w").write("x"); open("out/a\\nb", "w").write("x"); open(b"out/\\xff", "w").write("x")
os.mkdir("out/...") ; open("out/.../x", "w").write("x")
os.chmod("out/plain", 0o777)
for name, size in (("holes", 1 << 43), ("few-holes", 1 << 20)):
    with open("out/" + name, "w") as f: f.truncate(size)
deep = os.getcwd()
os.chdir("out")
for i in range(30): os.mkdir("d" * 100); os.chdir("d" * 100)
print("planted")
`;

/** Run inside a second session: what was a link when it was copied the first time is a folder now. */
const TURN = `
import os
os.chdir(os.path.expanduser("~/mnt/f/out"))
os.unlink("lead"); os.mkdir("lead"); open("lead/written", "w").write("by the session")
os.unlink("plain"); open("plain", "w").write("second")
print("turned")
`;

/** Run inside a third one. */
const LONG = `
import os, sys
os.chdir(os.path.expanduser("~/mnt/f"))
os.mkdir("long"); os.chdir("long"); open("first", "w").close()
for i in range(70): os.mkdir("d" * 250); os.chdir("d" * 250)
for i in range(int(sys.argv[1])): os.mkfifo("%0250d" % i)
print("made")
`;

const CHECKS: ExperimentWall["checks"] = [
  { id: "into-link", what: "A file is copied to a name where a session has put a link to a file of the operator's." },
  {
    id: "into-folder",
    what: "A folder is copied over one in which a session has put a link to a folder of the operator's.",
  },
  { id: "through-link", slow: true, what: "The destination that the operator writes leads through a session's link." },
  { id: "as-root", slow: true, what: "cp --root to a name where a session has put a link to a file of root's." },
  { id: "dangling", slow: true, what: "A link to a file that is not there yet: it is not made." },
  {
    id: "out-of-links",
    what: "A folder with links to files and folders of the operator's is copied here: their contents stay there.",
  },
  {
    id: "two-steps",
    slow: true,
    what: "A link that was copied here, and is a folder at the second copy: nothing is written where it leads here.",
  },
  {
    id: "odd-files",
    what: "FIFOs, names with line ends and dashes, deep trees: the copy ends, and says what it left out.",
  },
  { id: "holes", what: "A file of eight terabytes that has no block: this computer's disk does not fill." },
  {
    id: "long-paths",
    slow: true,
    what: "Thousands of pipes whose paths have more than 16,000 letters, all of one length: the copy ends, and says so.",
  },
  { id: "set-id", what: "Set-id bits and devices, set by root outside: a copy here, and one there, has none." },
];

/** Copies. */
export const copies: Wall = experimentWall({
  name: "copies",
  keeps: "`cp` in both directions follows no link of a session's, and carries no rights.",
  source: "7",
  checks: CHECKS,
  make,
});

async function make(machine: Machine): Promise<Results> {
  const tag = randomBytes(4).toString("hex");
  const here = await mkdtemp(join(tmpdir(), "cloister-copies-"));
  const ground = `/sessions/folders/escape-cp-${tag}`;
  const home = `/home/operator/escape-${tag}`;
  const root = `/root/escape-${tag}`;
  const shell = async (script: string, ...args: string[]) => await machine.root(["sh", "-c", script, "sh", ...args]);
  try {
    return await look(machine, { tag, here, ground, home, root, shell });
  } finally {
    await shell('rm -rf "$@"', ground, home, root, `${root}.txt`);
    // Not Node's own: paths in it may be longer than a path may be.
    await execa("rm", ["-rf", here], { reject: false });
  }
}

interface Place {
  readonly tag: string;
  readonly here: string;
  readonly ground: string;
  readonly home: string;
  readonly root: string;
  readonly shell: (script: string, ...args: string[]) => ReturnType<Machine["root"]>;
}

async function look(machine: Machine, place: Place): Promise<Results> {
  const { tag, here, ground, home, root, shell } = place;
  const outcome: Record<string, { attack: Attack; control: Control }> = {};
  const note = (id: string, attack: Attack, control: Control) => {
    outcome[id] = { attack, control };
  };
  const word = `canary-${tag}`;
  const localCanary = join(here, "local-canary");
  await mkdir(localCanary);
  await shell(
    'set -e; mkdir -p "$1/f" "$2/dir"; echo "$4" > "$2/file"; echo "$4" > "$2/dir/kept"; echo "$4" > "$3.txt"; chmod 600 "$3.txt" "$2/file"; chown -R operator: "$1" "$2"',
    ground,
    home,
    root,
    word,
  );
  const planted = await machine.sealed(
    ["--mount", `${ground}/f:f:rwd`],
    ["/usr/bin/python3", "-c", PLANT, home, `${root}.txt`, localCanary],
  );
  if (planted.exitCode !== 0) throw new Error(`the session could not plant: ${planted.stderr || planted.run?.stderr}`);
  const cp = async (...args: string[]) => await machine.operator(["cp", ...args]);
  const catted = async (path: string) => (await shell('cat "$1" 2>/dev/null', path)).stdout.trim();

  // To the machine.
  const tree = join(here, "f");
  await mkdir(join(tree, "sub"), { recursive: true });
  for (const name of ["notes.txt", "as-root.txt", "dangling.txt", "new.txt", "sub/kept", "sub/new"]) {
    await writeFile(join(tree, name), "from the operator's computer");
  }
  const file = await cp(join(tree, "notes.txt"), `:${ground}/f/notes.txt`);
  const plain = await cp(join(tree, "new.txt"), `:${ground}/f/new.txt`);
  const arrives = (await catted(`${ground}/f/new.txt`)) === "from the operator's computer";
  const arrived: Control = {
    works: plain.exitCode === 0 && arrives,
    saw: `a file with another name arrives: ${arrives}`,
  };
  const kept = async (path: string): Promise<boolean> => (await catted(path)) === word;
  const told = ({ exitCode, stderr }: { exitCode: number; stderr: string }) =>
    `exit code ${exitCode}${stderr === "" ? "" : `: ${stderr.trim().slice(-160)}`}`;
  note(
    "into-link",
    {
      held: await kept(`${home}/file`),
      saw: `${told(file)}; the operator's file says ${await catted(`${home}/file`)}`,
    },
    arrived,
  );

  const folder = await cp(tree, `:${ground}/`);
  const listed = (await shell('ls "$1"', `${home}/dir`)).stdout.split("\n");
  const inFolder = (await kept(`${home}/dir/kept`)) && (await kept(`${home}/file`)) && listed.join() === "kept";
  note(
    "into-folder",
    { held: inFolder, saw: `${told(folder)}; the operator's folder has ${listed.join(", ")}` },
    arrived,
  );
  note(
    "dangling",
    { held: (await shell('test -e "$1"', `${home}/made-here`)).exitCode !== 0, saw: told(folder) },
    arrived,
  );

  // Back. Root sets bits first: what a session can no longer make, an operator's folder may have had.
  await shell(
    'cp /usr/bin/id "$1/tool"; chmod 6755 "$1/tool"; chmod 2777 "$1"; mknod "$1/device" c 1 5 || true',
    `${ground}/f/out`,
  );
  const bits = (await shell('stat -c %a "$1/tool"', `${ground}/f/out`)).stdout.trim();
  const started = performance.now();
  const back = await cp(`:${ground}/f/out`, join(here, "back"));
  const seconds = (performance.now() - started) / 1000;
  const found = await walk(join(here, "back"));
  const leaked = found.files.filter(({ text }) => text.includes(word)).map(({ path }) => path);
  const names = found.files.map(({ path }) => path);
  const came: Control = {
    works: found.files.some(({ text }) => text.startsWith("plain")),
    saw: `${names.length} files came, ${found.links.length} links; ${told(back)}`,
  };
  const outside = found.links.filter(({ target }) => target.startsWith("/") || target.startsWith(".."));
  note(
    "out-of-links",
    {
      held: leaked.length === 0,
      saw: `contents that came: ${leaked.join(", ") || "none"}; links: ${outside.map(({ path, target }) => `${path} -> ${target}`).join(", ") || "none"}`,
    },
    came,
  );
  const isTold = (name: string) => back.stderr.includes(`/${name}: `);
  note(
    "odd-files",
    {
      held: seconds < 20 * machine.scale.slowness && back.exitCode === 3 && ["fifo", "device"].every(isTold),
      saw: `${seconds.toFixed(1)} s, exit code ${back.exitCode}: ${back.stderr.trim().slice(0, 300)}`,
    },
    came,
  );
  const sizeOf = async (name: string) => (await lstat(join(here, "back", name)).catch(() => undefined))?.size;
  const [holes, few] = [await sizeOf("holes"), await sizeOf("few-holes")];
  note(
    "holes",
    {
      held: holes === undefined && /holes/.test(back.stderr),
      saw: `here it has ${holes ?? "no"} bytes; ${told(back)}`,
    },
    { works: few === 2 ** 20, saw: `a file of a megabyte of holes came, with ${few} bytes` },
  );
  const set = found.special;
  note(
    "set-id",
    { held: set.length === 0, saw: `with set-id bits or devices: ${set.join(", ") || "none"}` },
    {
      works: bits === "6755" && names.some((path) => path.endsWith("tool")),
      saw: `on the machine the program has mode ${bits}; it came`,
    },
  );

  if (machine.scale.quick) return outcome;
  const led = await shell('ls "$1"', `${ground}/f/through/`);
  const through = await cp(join(tree, "new.txt"), `:${ground}/f/through/`);
  const after = (await shell('ls "$1"', `${home}/dir`)).stdout.split("\n");
  note(
    "through-link",
    { held: !after.includes("new.txt"), saw: `${told(through)}; the operator's folder has ${after.join(", ")}` },
    {
      works: arrived.works && led.stdout.trim() === "kept",
      saw: `${arrived.saw}; for root the link leads to: ${led.stdout.split("\n").join(", ")}`,
    },
  );

  const ledTo = (await shell('readlink "$1"', `${ground}/f/root-too.txt`)).stdout.trim();
  const asRoot = await cp("--root", join(tree, "as-root.txt"), `:${ground}/f/root-too.txt`);
  const plainRoot = await cp("--root", join(tree, "new.txt"), `:${root}.txt.new`);
  note(
    "as-root",
    { held: await kept(`${root}.txt`), saw: `${told(asRoot)}; root's file says ${await catted(`${root}.txt`)}` },
    {
      works: plainRoot.exitCode === 0 && (await catted(`${root}.txt.new`)) !== "" && ledTo === `${root}.txt`,
      saw: `cp --root writes a file of root's where no link is: ${told(plainRoot)}; the link led to ${ledTo}`,
    },
  );
  await shell('rm -f "$1"', `${root}.txt.new`);

  const wide = await machine.sealed(
    ["--mount", `${ground}/f:f:rwd`],
    ["/usr/bin/python3", "-c", LONG, `${Math.min(machine.scale.files / 10, 2_000)}`],
  );
  const began = performance.now();
  const long = await cp(`:${ground}/f/long`, join(here, "long"));
  const took = (performance.now() - began) / 1000;
  note(
    "long-paths",
    {
      held: took < 30 * machine.scale.slowness && long.exitCode < 128 && long.stderr !== "",
      saw: `${took.toFixed(1)} s, ${told(long)}`,
    },
    {
      works: wide.run?.exitCode === 0 && (await lstat(join(here, "long/first")).catch(() => undefined)) !== undefined,
      saw: `the session: ${wide.run?.stdout.trim()}; a file beside them came`,
    },
  );
  // Into a folder, by the same name both times: what came first is there at the second.
  const twice = join(here, "twice");
  await mkdir(twice);
  await cp(`:${ground}/f/out`, `${twice}/`);
  const turned = await machine.sealed(["--mount", `${ground}/f:f:rwd`], ["/usr/bin/python3", "-c", TURN]);
  const again = await cp(`:${ground}/f/out`, `${twice}/`);
  const written = await readdir(localCanary);
  const second = await readFile(join(twice, "out", "plain"), "utf8").catch(() => "no");
  note(
    "two-steps",
    { held: written.length === 0, saw: `${told(again)}; in the folder here: ${written.join(", ") || "nothing"}` },
    {
      works: turned.run?.stdout.includes("turned") === true && second === "second",
      saw: `the second session: ${turned.run?.stdout.trim() ?? turned.stderr}; a file that it changed came: ${second}`,
    },
  );
  return outcome;
}

interface Tree {
  readonly files: { path: string; text: string }[];
  readonly links: { path: string; target: string }[];
  readonly special: string[];
}

/** Contents of a folder here; links are not followed. */
async function walk(top: string, tree: Tree = { files: [], links: [], special: [] }): Promise<Tree> {
  for (const entry of await readdir(top, { withFileTypes: true }).catch(() => [])) {
    const path = join(top, entry.name);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined) continue;
    if (info.isSymbolicLink()) tree.links.push({ path: entry.name, target: await readlink(path) });
    else if (info.isDirectory()) {
      if (info.mode & 0o6000) tree.special.push(entry.name);
      await walk(path, tree);
    } else if (info.isFile()) {
      if (info.mode & 0o6000) tree.special.push(entry.name);
      tree.files.push({ path: entry.name, text: (await readFile(path)).subarray(0, 4096).toString("latin1") });
    } else if (info.isCharacterDevice() || info.isBlockDevice()) tree.special.push(entry.name);
  }
  return tree;
}
