/** Reads AWS's public price list: files over HTTPS, streamed, because one has hundreds of megabytes. */
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parse } from "csv-parse";
import pRetry, { AbortError } from "p-retry";
import { z } from "zod";
import { COLUMNS, type Found, OFFERS, oddColumn, priceIn } from "./rules.ts";

/** AWS's own. */
export const PRICE_LIST = "https://pricing.us-east-1.amazonaws.com";

/** How the list is read. */
export interface ReadOptions {
  /** Address of the list; HTTPS, or the loopback interface. @default {@link PRICE_LIST} */
  readonly from?: string;
  /** @default 3 */
  readonly tries?: number;
  /** Pause before the second try, which doubles. Milliseconds. @default 2000 */
  readonly pauseMs?: number;
  /** The longest time without a byte. Milliseconds. @default 60000 */
  readonly idleMs?: number;
}

/** The prices of one region, as the list has them. */
export interface ListedPrices {
  /** Day of the newest of the files, `YYYY-MM-DD`. */
  readonly date: string;
  readonly found: readonly Found[];
}

const indexSchema = z.object({
  regions: z.record(z.string(), z.object({ regionCode: z.string(), currentVersionUrl: z.string().startsWith("/") })),
});

/** Lines above the names of the columns. */
const HEAD = 5;
/** Bytes of the largest index. */
const MOST_INDEX = 8 << 20;

/**
 * Reads all prices of a region that the table wants.
 *
 * @throws Error when a file cannot be read to its end, or is not as it was
 */
export async function readRegion(region: string, options: ReadOptions = {}): Promise<ListedPrices> {
  const all: Found[] = [];
  let date = "";
  for (const offer of Object.keys(OFFERS)) {
    const index = indexSchema.parse(
      JSON.parse(await text(`/offers/v1.0/aws/${offer}/current/region_index.json`, options)),
    );
    const here = Object.hasOwn(index.regions, region) ? index.regions[region] : undefined;
    if (!here) throw new Error(`${offer}: AWS's price list has no region ${region}`);
    const file = here.currentVersionUrl.replace(/\.json$/, ".csv");
    const read = await again(options, () => readOffer(offer, file, options));
    all.push(...read.found);
    if (read.date > date) date = read.date;
  }
  return { date, found: all };
}

/** The file is not as it was: another try would not help. */
class FormError extends Error {}

/** Reads one service's file row by row. */
async function readOffer(offer: string, file: string, options: ReadOptions): Promise<ListedPrices> {
  const found: Found[] = [];
  let date = "";
  let problem: Error | undefined;
  let columns: ReadonlyMap<string, number> | undefined;
  let line = 0;
  let width = 0;
  const take = (cells: readonly string[]): void => {
    line++;
    if (line <= HEAD) {
      if (cells[0] === "Publication Date") date = (cells[1] ?? "").slice(0, 10);
      return;
    }
    if (columns === undefined) {
      columns = new Map(cells.map((name, i) => [name, i]));
      const wanted = COLUMNS[offer] ?? [];
      const missing = wanted.filter((name) => !columns?.has(name));
      if (missing.length > 0) throw new FormError(`${file}: has no column ${missing.join(", ")}: its form has changed`);
      const twice = wanted.filter((name) => cells.indexOf(name) !== cells.lastIndexOf(name));
      if (twice.length > 0)
        throw new FormError(`${file}: has the column ${twice.join(", ")} more than once: its form has changed`);
      width = cells.length;
      return;
    }
    if (cells.length !== width) throw new Error(`${file}: line ${line} has ${cells.length} cells of ${width}`);
    const named = columns;
    const row = (name: string): string => cells[named.get(name) ?? -1] ?? "";
    const odd = oddColumn(row);
    if (odd)
      throw new FormError(
        `${file}: line ${line}: the column ${odd.column} has ${JSON.stringify(odd.cell.slice(0, 40))}: it holds something else than before, so its form has changed`,
      );
    const price = priceIn(offer, row);
    if (price) found.push(price);
  };
  const parser = parse({ relax_column_count: true, bom: true, skip_empty_lines: true });
  await open(file, options, async (body) => {
    await pipeline(body, parser, async (rows: AsyncIterable<readonly string[]>) => {
      try {
        for await (const cells of rows) take(cells);
      } catch (error) {
        // The streams' own word for it would be that they were aborted.
        problem = error as Error;
        throw error;
      }
    });
  }).catch((error: Error) => {
    throw problem instanceof FormError ? new AbortError(problem) : (problem ?? error);
  });
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new AbortError(`${file}: has no date: its form has changed`);
  return { date, found };
}

async function text(path: string, options: ReadOptions): Promise<string> {
  return await again(options, async () => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    await open(path, options, async (body) => {
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        if (bytes > MOST_INDEX) throw new AbortError(`${path}: is larger than ${MOST_INDEX} bytes`);
        chunks.push(chunk as Buffer);
      }
    });
    return Buffer.concat(chunks).toString("utf8");
  });
}

async function again<T>({ tries = 3, pauseMs = 2000 }: ReadOptions, action: () => Promise<T>): Promise<T> {
  return await pRetry(action, { retries: tries - 1, minTimeout: pauseMs, factor: 2 });
}

/** Opens a file, and holds its length against the one that was promised: one that was cut is an error. */
async function open(path: string, options: ReadOptions, use: (body: Readable) => Promise<void>): Promise<void> {
  const { from = PRICE_LIST, idleMs = 60_000 } = options;
  const url = new URL(path, from);
  const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.origin !== new URL(from).origin || (url.protocol !== "https:" && !isLoopback))
    throw new AbortError(`${url.origin}: prices are read over HTTPS, from ${from} alone`);
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), idleMs);
  try {
    const answer = await fetch(url, { redirect: "error", signal: idle.signal, headers: { "user-agent": "cloister" } });
    if (!answer.ok || !answer.body) {
      await answer.body?.cancel();
      const error = `${url.href}: answered ${answer.status}`;
      throw answer.status < 500 && answer.status !== 429 ? new AbortError(error) : new Error(error);
    }
    const watched = new Transform({
      transform(chunk, _encoding, done) {
        clearTimeout(timer);
        timer = setTimeout(() => idle.abort(), idleMs);
        done(null, chunk);
      },
    });
    const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
    const ends = await Promise.allSettled([use(watched), pipeline(body, watched)]);
    // Where one side fails, the other one ends too: the first reason is what went wrong.
    const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as NodeJS.ErrnoException] : []));
    const echoes = ["ABORT_ERR", "ERR_STREAM_PREMATURE_CLOSE"];
    const [reason] = [...reasons.filter(({ code }) => !echoes.includes(code ?? "")), ...reasons];
    if (reason) throw reason;
  } catch (error) {
    if (idle.signal.aborted) throw new Error(`${url.href}: nothing came for ${idleMs / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
