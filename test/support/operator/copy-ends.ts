import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { deflateSync, inflateSync } from "node:zlib";
import { linkRecord, metaOf, record } from "../../../cli/copy/records.ts";
import { ReportReader } from "../../../cli/copy/report.ts";
import { python } from "../../../cli/remote-helper/start.ts";

/** One end of a copy, as a program. */
export interface CopyEnd {
  readonly words: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const here = ["node", fileURLToPath(new URL("../../../lib/run-bundled.cjs", import.meta.url)), "cli/copy/end.ts"];

/** The end on a machine, and the one on the operator's computer in the two ways it may stand in folders. */
export const ENDS: Readonly<Record<string, CopyEnd>> = {
  "on a machine": { words: python("copy_end.py") },
  ...(process.platform === "linux"
    ? { "on this computer, by descriptors": { words: here, env: { CLOISTER_COPY_WAY: "descriptors" } } }
    : {}),
  "on this computer, by the working folder": { words: here, env: { CLOISTER_COPY_WAY: "working folder" } },
};

/**
 * The same end, with somebody beside it who is always in time: right after it has looked at `sub` or `file`, or made a folder
 * of that name, there is a link there. Once after each kind of call.
 *
 * @param looks after how many looks at what is no link; for ends on this computer
 */
export function outrun({ words, env }: CopyEnd, target: string, looks = 1): CopyEnd {
  const [program = "", ...rest] = words;
  const last = rest.at(-1) ?? "";
  const fill = (code: string) =>
    code.replace("TARGET", () => JSON.stringify(target)).replace("LOOKS", () => `${looks}`);
  const before =
    program === "python3"
      ? [...rest.slice(0, -1), `${fill(SWAP_PY)}\n${last}`]
      : ["--import", `data:text/javascript,${encodeURIComponent(fill(SWAP_JS))}`, ...rest];
  return { words: [program, ...before], ...(env ? { env } : {}) };
}

const SWAP_PY = `
import os
def after(call, done, kept):
    def swapping(name, *words, **options):
        try:
            return call(name, *words, **options)
        finally:
            folder = options.get("dir_fd")
            if name in (b"sub", b"file") and folder is not None and name not in done:
                done.add(name)
                try:
                    os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=folder)
                    os.symlink(TARGET, name, dir_fd=folder)
                except OSError:
                    pass
    return swapping
os.stat = after(os.stat, set(), "kept-1")
os.mkdir = after(os.mkdir, set(), "kept-2")`;

const SWAP_JS = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { renameSync, symlinkSync } = fs;
const after = (call, looks, kept) => (path, ...words) => {
  const seen = call(path, ...words);
  const name = /(^|\\/)(sub|file)$/.exec(path.toString())?.[2];
  if (name && !seen?.isSymbolicLink() && --looks === 0) {
    renameSync(path, path.toString().slice(0, -name.length) + kept);
    symlinkSync(TARGET, path);
  }
  return seen;
};
fs.lstatSync = after(fs.lstatSync, LOOKS, "kept-1");
fs.mkdirSync = after(fs.mkdirSync, 1, "kept-2");
syncBuiltinESMExports();`;

/** Result of one end. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly report: ReportReader;
}

/** Starts an end, with its standard input open. */
export function startEnd(
  { words, env }: CopyEnd,
  args: readonly string[],
  uid?: number,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const [program = "", ...rest] = [...words, ...args];
  const child = spawn(program, rest, {
    env: { ...process.env, ...env },
    // As in a machine's home: a path that is not absolute begins somewhere that is readable.
    cwd: "/",
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const report = new ReportReader();
  const parts: Buffer[] = [];
  child.stdin.on("error", () => {});
  child.stdout.on("data", (data: Buffer) => parts.push(data));
  child.stderr.pipe(report);
  const ended = once(child, "close").then(([code]) => ({
    code: code as number | null,
    stdout: Buffer.concat(parts),
    report,
  }));
  return { child, ended };
}

/** Gives an end records that a hostile other end could send. */
export async function receive(
  end: CopyEnd,
  args: readonly string[],
  sent: readonly Buffer[] | Buffer,
  uid?: number,
): Promise<Ended> {
  const { child, ended } = startEnd(end, ["receive", ...args], uid);
  child.stdin?.end(Buffer.isBuffer(sent) ? sent : deflateSync(Buffer.concat(sent)));
  return await ended;
}

/** Lets an end send, and reads what came. */
export async function send(
  end: CopyEnd,
  path: string,
  uid?: number,
): Promise<Ended & { readonly entries: ReadonlyMap<string, SentEntry> }> {
  const { child, ended } = startEnd(end, ["send", path], uid);
  child.stdin?.end();
  const result = await ended;
  return { ...result, entries: result.code === 0 ? entriesOf(inflateSync(result.stdout)) : new Map() };
}

/** An entry that was sent. */
export interface SentEntry {
  readonly letter: string;
  readonly mode: number;
  readonly mtime: bigint;
  content: Buffer;
  whole: boolean;
}

/** Reads all records at once, without any of the program's code. Names are Latin-1. */
export function entriesOf(data: Buffer): ReadonlyMap<string, SentEntry> {
  const entries = new Map<string, SentEntry>();
  const trail: string[] = [];
  let file: SentEntry | undefined;
  for (let at = 0; at < data.length; ) {
    const letter = data.toString("latin1", at, at + 1);
    const end = at + 5 + data.readUInt32BE(at + 1);
    const rest = data.subarray(at + 5, end);
    at = end;
    if (letter === "u") trail.pop();
    else if (letter === "b" && file) file.content = Buffer.concat([file.content, rest]);
    else if ((letter === "e" || letter === "x") && file) file.whole = letter === "e";
    else if ("dfl".includes(letter)) {
      const [begin, length] = letter === "l" ? [12, rest.readUInt16BE(10)] : [10, rest.length - 10];
      const name = rest.toString("latin1", begin, begin + length);
      const content = letter === "l" ? rest.subarray(begin + length) : Buffer.alloc(0);
      file = { letter, mode: rest.readUInt16BE(0), mtime: rest.readBigInt64BE(2), content, whole: letter !== "f" };
      entries.set([...trail, name].join("/"), file);
      if (letter === "d") trail.push(name);
    }
  }
  return entries;
}

const meta = (mode: number): Buffer => metaOf({ mode: BigInt(mode), mtimeNs: 1_600_000_000_123_456_789n });

/** Records by hand. */
export const say = {
  folder: (name: string | Buffer, mode = 0o755): Buffer => record("d", meta(mode), Buffer.from(name)),
  up: record("u"),
  begin: (name: string | Buffer, mode = 0o644): Buffer => record("f", meta(mode), Buffer.from(name)),
  data: (text: string | Buffer): Buffer => record("b", Buffer.from(text)),
  whole: record("e"),
  broken: record("x"),
  file: (name: string | Buffer, text: string | Buffer, mode = 0o644): Buffer =>
    Buffer.concat([say.begin(name, mode), say.data(text), say.whole]),
  link: (name: string, target: string): Buffer => linkRecord(meta(0o777), Buffer.from(name), Buffer.from(target)),
  end: record("z"),
} as const;
