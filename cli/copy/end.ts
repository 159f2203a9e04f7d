/**
 * One end of a copy on this computer: `send PATH` or `receive PATH NAME`, records on standard output or input. `cloister
 * sync` uses more: `list PATH SKIP LIMIT` sends digests instead of content, `pick PATH` sends what standard input names,
 * `receive PATH NAME LIMIT` takes at most so many bytes, `apply PATH` carries steps out (`apply.ts`), and `remove PATH`
 * removes a tree that came. It is a process of its own for two reasons: its working folder is its place in the tree (`place.ts`), and its file calls do
 * not delay the process that speaks to the machine. `remote-helper/copy_end.py` is the same on the machine.
 */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createDeflate, createInflate } from "node:zlib";
import type { Way } from "./place.ts";
import { Receiver } from "./receive.ts";
import { NoCopy, RecordReader } from "./records.ts";
import { type Sending, send, treeOf } from "./send.ts";
import { CopyFailure, reasonOf, sayLine, Telling } from "./telling.ts";

const CUT = "the copy was cut off";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const telling = new Telling();
/** Set in a container (`end-in-container.ts`), where sessions write on the way to a path. */
const strict = process.env["CLOISTER_COPY_STRICT"] === "1";

async function sending(path: string, options: Sending): Promise<void> {
  await pipeline(Readable.from(send(path, telling, options), { objectMode: true }), createDeflate(), process.stdout);
}

async function receiving(path: string, name: string, way: Way | undefined, limit: number): Promise<void> {
  const receiver = new Receiver(path, name, telling, way, strict);
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      receiver.end();
      process.exit(1);
    });
  }
  const reader = new RecordReader();
  let size = 0;
  try {
    for await (const data of process.stdin.pipe(createInflate())) {
      size += (data as Buffer).length;
      if (size > limit) throw new CopyFailure(`more came than ${limit / 2 ** 20} MiB`);
      for (const one of reader.read(data as Buffer)) if (receiver.take(one)) return;
    }
    throw new CopyFailure(CUT, { cut: true });
  } finally {
    receiver.end();
  }
}

function failureOf(error: unknown): { readonly why: string; readonly cut: boolean } {
  if (error instanceof CopyFailure) return { why: error.message, cut: error.cut };
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "Z_BUF_ERROR")
    return { why: CUT, cut: true };
  if (error instanceof NoCopy) return { why: error.message, cut: false };
  if (code?.startsWith("Z_")) return { why: new NoCopy().message, cut: false };
  return { why: reasonOf(error), cut: false };
}

/** Does one end's work. This has no `await` outside of functions: a bundle cannot have one there (lib/run-bundled.cjs). */
async function main([role, path = "", name = "", limit = ""]: readonly string[]): Promise<void> {
  // Tests use both ways.
  const way = process.env["CLOISTER_COPY_WAY"] as Way | undefined;
  if (role === "send") await sending(path, { way, strict });
  else if (role === "pick") await sending(path, { way, only: treeOf(await buffer(process.stdin)) });
  else if (role === "list") {
    const skip = name === "" ? {} : { skip: new RegExp(name) };
    await sending(path, { way, listing: { ...skip, limit: Number(limit) } });
  } else if (role === "receive")
    await receiving(path, name, way, limit === "" ? Number.POSITIVE_INFINITY : Number(limit));
  else if (role === "remove") (await import("./remove.ts")).removeTree(path, way);
  else (await import("./apply.ts")).apply(path, await buffer(process.stdin), telling, way);
  telling.sum();
}

export default main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    sayLine({ kind: "fail", ...failureOf(error) });
    process.exit(1);
  },
);
