import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, lstat, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { Transform, Writable } from "node:stream";
import { OperatorError, UsageError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** How a copy is made. */
export interface CopyOptions {
  /** Whom it is made as on the machine. */
  readonly user: "root" | "operator";
  /** Hears of bytes as they go by, compressed. */
  readonly moved?: (bytes: number) => void;
}

/**
 * Unpacks an archive of one file or folder, named $2, to the path $1: into it when it is a folder, beside it by another name
 * first and in its place when all is there. What has arrived belongs to who runs this.
 */
const UNPACK = `set -eu
d=$1 n=$2
if [ -d "$d" ]; then f=\${d%/}/$n; else
  case $d in */) echo "there is no folder $d on the machine" >&2; exit 1 ;; esac
  f=$d
fi
case $f in */*) p=\${f%/*}; p=\${p:-/} ;; *) p=. ;; esac
[ -d "$p" ] || { echo "there is no folder $p on the machine" >&2; exit 1; }
w=$(mktemp -d -- "$p/.cloister-cp-XXXXXX")
trap 'rm -rf -- "$w"' EXIT
trap 'exit 129' HUP INT TERM
tar -xzf - --no-same-owner -C "$w"
if [ -d "$f" ] && [ -d "$w/$n" ]; then cp -a -- "$w/$n/." "$f/"
elif [ -d "$f" ]; then echo "$f is a folder on the machine" >&2; exit 1
else mv -f -T -- "$w/$n" "$f"; fi`;

/** Packs what is named $2 in the folder $1; $3 is what the operator called it. */
const PACK = `set -eu
[ -e "$1/$2" ] || [ -L "$1/$2" ] || { echo "there is no $3 on the machine, or $(id -un) may not see it" >&2; exit 1; }
cd -- "$1"
exec tar -czf - "./$2"`;

/**
 * Copies a file or a folder of this computer to a machine. A path there is relative to the user's home. An existing folder
 * takes what is copied into it; an existing file is replaced when the new one is complete.
 *
 * @throws OperatorError when either side has not what is needed; then nothing has changed but folders that were merged
 */
export async function copyTo(transport: Transport, from: string, to: string, options: CopyOptions): Promise<void> {
  const path = resolve(from);
  const name = basename(path);
  if (name === "") throw new UsageError("the whole of this computer's disk is not copied: name a folder.");
  if (!(await exists(path))) throw new OperatorError(`there is no ${from} on this computer.`);
  const packing = tar(["-C", dirname(path), "-czf", "-", `./${name}`]);
  packing.child.stdin.end();
  const counted = packing.child.stdout.pipe(counter(options.moved));
  await both(
    transport.exec(["sh", "-c", UNPACK, "sh", to, name], { ...sink(packing.said), user: options.user, stdin: counted }),
    packing,
  );
}

/**
 * Copies a file or a folder of a machine to this computer, by the same rules.
 *
 * @throws OperatorError when either side has not what is needed; then nothing has changed but folders that were merged
 */
export async function copyFrom(transport: Transport, from: string, to: string, options: CopyOptions): Promise<void> {
  const path = posix.normalize(from).replace(/(?<=.)\/+$/, "");
  const name = posix.basename(path);
  if (["", ".", ".."].includes(name))
    throw new UsageError(`${from || "the path"} has no name: write the folder's own.`);
  const folder = await stat(to).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!folder && to.endsWith("/")) throw new OperatorError(`there is no folder ${to} on this computer.`);
  const target = folder ? join(to, name) : resolve(to);
  if (!(await exists(dirname(target))))
    throw new OperatorError(`there is no folder ${dirname(target)} on this computer.`);
  const work = await mkdtemp(join(dirname(target), ".cloister-cp-"));
  try {
    const unpacking = tar(["-C", work, "-xozf", "-"]);
    const counted = counter(options.moved);
    counted.pipe(unpacking.child.stdin);
    const packed = transport
      .exec(["sh", "-c", PACK, "sh", posix.dirname(path), name, from], {
        ...sink(unpacking.said),
        user: options.user,
        stdout: counted,
      })
      .finally(() => counted.end());
    await both(packed, unpacking);
    await place(join(work, name), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Puts what has arrived where it belongs. */
async function place(arrived: string, target: string): Promise<void> {
  const isFolder = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (!(await isFolder(target))) await rename(arrived, target);
  else if (await isFolder(arrived)) await cp(arrived, target, { recursive: true, force: true, verbatimSymlinks: true });
  else throw new OperatorError(`${target} is a folder on this computer.`);
}

/** Waits for both ends. What the machine says comes first: the other end only follows. */
async function both(there: Promise<number>, here: ReturnType<typeof tar>): Promise<void> {
  let code: number;
  try {
    code = await there;
  } catch (error) {
    here.child.kill();
    throw error;
  }
  const said = here.said.join("").trim();
  if (code !== 0) {
    here.child.kill();
    throw new OperatorError(said || `the copy ended with exit code ${code} on the machine.`);
  }
  const own = await here.exited;
  if (own !== 0) throw new OperatorError(`tar ended with exit code ${own} on this computer: ${said}`);
}

function tar(args: readonly string[]) {
  // Without Apple's own extras, which other systems would unpack as files.
  const child = spawn("tar", args, { env: { ...process.env, COPYFILE_DISABLE: "1" } });
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  child.stdin.on("error", () => {});
  const exited = once(child, "close").then(([code]) => (code as number | null) ?? 1);
  exited.catch(() => {});
  return { child, said, exited };
}

/** Both outputs of the command on the machine, kept as words for an error. */
function sink(said: string[]): { stdout: Writable; stderr: Writable } {
  const keep = () =>
    new Writable({
      write(data: Buffer, _encoding, done) {
        said.push(data.toString("utf8"));
        done();
      },
    });
  return { stdout: keep(), stderr: keep() };
}

function counter(moved: CopyOptions["moved"]): Transform {
  return new Transform({
    transform(data: Buffer, _encoding, done) {
      moved?.(data.length);
      done(null, data);
    },
  });
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
