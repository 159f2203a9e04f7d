import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import pRetry, { AbortError } from "p-retry";
import lockfile from "proper-lockfile";
import { fetchHere, ProxyAddressError, proxyFor } from "./proxy.ts";
import { type Report, sha256File } from "./store.ts";

/** No answer of any kind came from the host: the one failure for which a caller may choose another way. */
export class HostUnreachableError extends Error {
  override readonly name = "HostUnreachableError";
  readonly url: string;
  constructor(url: string, cause: unknown) {
    const proxy = proxyFor(url);
    const by = proxy ? ` through the proxy ${proxy.host}, as HTTPS_PROXY and HTTP_PROXY say` : "";
    super(`${new URL(url).host} cannot be reached${by} (${reasonOf(cause)})`, { cause });
    this.url = url;
  }
}

/** The host answered, but the file could not be had: an HTTP status, or a connection that kept breaking. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly url: string;
  /** The HTTP status that ended it; absent when the connection kept breaking. */
  readonly status: number | undefined;
  constructor(url: string, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(`${url}: ${message}`, { cause: options.cause });
    this.url = url;
    this.status = options.status;
  }
}

/** The bytes received have another checksum than the bytes published. The file is removed; no caller may go on without asking the user. */
export class ChecksumError extends Error {
  override readonly name = "ChecksumError";
  readonly url: string;
  constructor(url: string, expected: string, actual: string) {
    super(
      `${url}: the checksum is wrong: published sha256 ${expected}, received ${actual}. The file was removed. ` +
        "Try again; if it happens again, something between you and the host changes the file.",
    );
    this.url = url;
  }
}

export interface DownloadOptions {
  readonly url: string;
  /** Path of the finished file; its folder is made. Until then the bytes are in `<to>.part`, which a later run resumes. */
  readonly to: string;
  /** Published checksum, lower-case hexadecimal. With it, a file that is already there and fits is not fetched again. */
  readonly sha256?: string;
  readonly report: Report;
  readonly signal?: AbortSignal;
  /** Attempts after the first which bring no new byte, before giving up. Default 5. Those that bring bytes are free. */
  readonly retries?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly stallTimeoutMs?: number;
  /** Milliseconds before the first retry; doubles up to 15 s. Default 1,000. */
  readonly retryDelayMs?: number;
}

export interface Downloaded {
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * Fetches a file by HTTP(S). Broken connections are retried and resumed where they broke (also by a later run), the
 * finished file is checked and only then put in place. Two processes may ask for the same file at once: one fetches.
 *
 * @throws {HostUnreachableError} when no answer ever came from the host
 * @throws {DownloadError} when it answered with an error, or broke off too often
 * @throws {ChecksumError} when the file differs from what was published
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const { to, report } = options;
  await mkdir(dirname(to), { recursive: true });
  const lock = { lockfilePath: `${to}.lock`, realpath: false, stale: 20_000, update: 5_000 };
  const release = await lockfile.lock(to, lock).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ELOCKED") throw error;
    report(`waiting for another run that downloads ${basename(to)}`);
    return await lockfile.lock(to, { ...lock, retries: { forever: true, minTimeout: 250, maxTimeout: 1_000 } });
  });
  try {
    return await downloadLocked(options);
  } finally {
    await release().catch(() => {});
  }
}

/**
 * True when the host of this address answers HTTP at all, whatever its answer. Default timeout: 5,000 ms.
 *
 * @throws ProxyAddressError when a variable names a proxy that cannot be used
 */
export async function isReachable(url: string, options: { timeoutMs?: number } = {}): Promise<boolean> {
  try {
    const response = await fetchHere(url, { method: "HEAD", signal: AbortSignal.timeout(options.timeoutMs ?? 5_000) });
    await response.body?.cancel();
    return true;
  } catch (error) {
    // Nothing is known of the host then.
    if (error instanceof ProxyAddressError) throw error;
    return false;
  }
}

/** Fetches a small text file (a list of checksums, a signature), with the same retries and errors as {@link download}. */
export async function downloadText(
  options: Pick<DownloadOptions, "url" | "report" | "signal" | "retries" | "retryDelayMs" | "stallTimeoutMs">,
): Promise<string> {
  const { url, report, signal } = options;
  let answered = false;
  return await retrying(options, async () => {
    const timeout = AbortSignal.timeout(options.stallTimeoutMs ?? 30_000);
    try {
      const response = await fetchHere(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
      answered = true;
      if (!response.ok) throw statusError(url, response);
      return await response.text();
    } catch (error) {
      throw classify(url, error, answered, signal);
    }
  }).catch((error: unknown) => {
    report(`could not fetch ${url}`);
    throw error;
  });
}

async function downloadLocked(options: DownloadOptions): Promise<Downloaded> {
  const { url, to, sha256, report, signal } = options;
  if (sha256 && (await sizeOf(to)) > 0) {
    if ((await sha256File(to)) === sha256) return { bytes: await sizeOf(to), sha256 };
    report(`${basename(to)} is there but its checksum is wrong: fetching it again`);
    await rm(to);
  }
  const part = new PartFile(to, url);
  const startedWith = await part.open();
  if (startedWith > 0) report(`resuming ${basename(to)} at ${mebibytes(startedWith)}`);
  await fetchAll(options, part);

  let actual = await sha256File(part.path);
  if (sha256 && actual !== sha256 && startedWith > 0) {
    // The part of an earlier run may be of another version of the file: the whole file anew decides.
    report(`${basename(to)} does not fit its checksum after being resumed: fetching all of it again`);
    await part.discard();
    await fetchAll(options, part);
    actual = await sha256File(part.path);
  }
  signal?.throwIfAborted();
  if (sha256 && actual !== sha256) {
    await part.discard();
    throw new ChecksumError(url, sha256, actual);
  }
  const bytes = await sizeOf(part.path);
  await part.finish();
  return { bytes, sha256: actual };
}

async function fetchAll(options: DownloadOptions, part: PartFile): Promise<void> {
  const { url, to, report, signal } = options;
  let answered = false;
  let before = await part.size();
  await retrying(
    options,
    async () => {
      before = await part.size();
      try {
        await fetchOnce(options, part, () => {
          answered = true;
        });
      } catch (error) {
        throw classify(url, error, answered, signal);
      }
    },
    async () => (await part.size()) > before,
    (error) => report(`${basename(to)}: ${reasonOf(error)}, trying again`),
  );
}

async function fetchOnce(options: DownloadOptions, part: PartFile, onAnswer: () => void): Promise<void> {
  const { url, to, report, signal, stallTimeoutMs = 30_000 } = options;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`no data for ${stallTimeoutMs / 1000} s`)), stallTimeoutMs);
  try {
    const response = await fetchHere(url, {
      // Compressed answers have other lengths and ranges than the file that the checksum is of.
      headers: { "accept-encoding": "identity", ...(await part.rangeHeaders()) },
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    });
    timer.refresh();
    onAnswer();
    if (response.status === 416) {
      await response.body?.cancel();
      const whole = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
      if (whole !== undefined && Number(whole) === (await part.size())) return;
      await part.discard();
      throw new DownloadError(url, "what was fetched before does not fit the file");
    }
    if (!response.ok || !response.body) throw statusError(url, response);
    const offset = await part.begin(response);
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const progress = new Progress(basename(to), offset, offset + length, report);
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer.refresh();
        progress.add(chunk.length);
        done(null, chunk);
      },
    });
    await pipeline(
      Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
      meter,
      createWriteStream(part.path, { flags: offset > 0 ? "a" : "w" }),
    );
    if (Number.isFinite(length) && (await part.size()) !== offset + length) {
      throw new DownloadError(url, "the connection closed before the whole file had come");
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The unfinished file, and beside it what its bytes are of: only the same version of the file is ever resumed. */
class PartFile {
  readonly path: string;
  readonly #to: string;
  readonly #notes: string;
  readonly #url: string;
  #validator = "";

  constructor(to: string, url: string) {
    this.#to = to;
    this.path = `${to}.part`;
    this.#notes = `${to}.part.json`;
    this.#url = url;
  }

  /** Takes over what an earlier run left, if it is of the same address; returns its size in bytes. */
  async open(): Promise<number> {
    try {
      const notes = JSON.parse(await readFile(this.#notes, "utf8")) as { url?: string; validator?: string };
      if (notes.url === this.#url && typeof notes.validator === "string") {
        this.#validator = notes.validator;
        return await this.size();
      }
    } catch {
      // Without readable notes nobody knows what the bytes are of.
    }
    await this.discard();
    return 0;
  }

  async size(): Promise<number> {
    return await sizeOf(this.path);
  }

  async rangeHeaders(): Promise<Record<string, string>> {
    const size = await this.size();
    if (size === 0) return {};
    return { range: `bytes=${size}-`, ...(this.#validator ? { "if-range": this.#validator } : {}) };
  }

  /** Notes what the answer is of; returns the offset at which its body goes into the file. */
  async begin(response: Response): Promise<number> {
    const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    const resumes = response.status === 206 && Number(start) === (await this.size());
    if (response.status === 206 && !resumes) {
      await this.discard();
      throw new DownloadError(this.#url, "the host sent another part of the file than was asked for");
    }
    const etag = response.headers.get("etag") ?? "";
    // RFC 9110 13.1.5: a weak validator must not be used in If-Range.
    this.#validator = etag && !etag.startsWith("W/") ? etag : (response.headers.get("last-modified") ?? "");
    await writeFile(this.#notes, JSON.stringify({ url: this.#url, validator: this.#validator }));
    return resumes ? await this.size() : 0;
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#notes, { force: true });
  }

  async finish(): Promise<void> {
    await rename(this.path, this.#to);
    await rm(this.#notes, { force: true });
  }
}

/** Says how far it is: every tenth of the file, at least 2 s apart, and every 15 s whatever happens. */
class Progress {
  readonly #name: string;
  readonly #total: number;
  readonly #report: Report;
  #done: number;
  #saidAt = Date.now();
  #saidTenth: number;

  constructor(name: string, done: number, total: number, report: Report) {
    this.#name = name;
    this.#total = total;
    this.#report = report;
    this.#done = done;
    this.#saidTenth = Math.floor((done / total) * 10);
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = Date.now();
    const known = Number.isFinite(this.#total) && this.#total > 0;
    const tenth = known ? Math.floor((this.#done / this.#total) * 10) : 0;
    const since = now - this.#saidAt;
    if (!(since >= 15_000 || (tenth > this.#saidTenth && since >= 2_000))) return;
    this.#saidAt = now;
    this.#saidTenth = tenth;
    const share = known ? ` of ${mebibytes(this.#total)} (${Math.floor((this.#done / this.#total) * 100)} %)` : "";
    this.#report(`${this.#name}: ${mebibytes(this.#done)}${share}`);
  }
}

async function retrying<T>(
  options: Pick<DownloadOptions, "signal" | "retries" | "retryDelayMs">,
  attempt: () => Promise<T>,
  progressed: () => Promise<boolean> = async () => false,
  onRetry: (error: Error) => void = () => {},
): Promise<T> {
  return await pRetry(attempt, {
    retries: options.retries ?? 5,
    minTimeout: options.retryDelayMs ?? 1_000,
    maxTimeout: 15_000,
    signal: options.signal,
    shouldRetry: ({ error }) => isPassing(error),
    shouldConsumeRetry: async () => !(await progressed()),
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (isPassing(error) && retriesLeft > 0) onRetry(error);
    },
  });
}

/** Name resolution that answers "no such host" is not retried: on a closed network nothing would come of it. */
function isPassing(error: Error): boolean {
  if (error instanceof HostUnreachableError) return codeOf(error.cause) !== "ENOTFOUND";
  if (error instanceof DownloadError) {
    return error.status === undefined || error.status === 408 || error.status === 429 || error.status >= 500;
  }
  return false;
}

function classify(url: string, error: unknown, answered: boolean, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return new AbortError(asError(signal.reason));
  if (error instanceof DownloadError || codeOf(error) === "ENOSPC") return asError(error);
  if (isCertificateProblem(error)) {
    return new AbortError(
      new DownloadError(
        url,
        `the host's certificate is not trusted (${reasonOf(error)}). Behind a certificate authority of your own, name its file: NODE_EXTRA_CA_CERTS=/path/ca.pem`,
        { cause: error },
      ),
    );
  }
  if (!answered) return new HostUnreachableError(url, error);
  return new DownloadError(url, `the connection broke (${reasonOf(error)})`, { cause: error });
}

/** A certificate that does not fit may mean an attack: it never counts as "cannot be reached". */
function isCertificateProblem(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(codeOf(error) ?? "");
}

function statusError(url: string, response: Response): DownloadError {
  return new DownloadError(url, `the host answered ${response.status} ${response.statusText}`.trim(), {
    status: response.status,
  });
}

/** `fetch` wraps the network's error in "fetch failed"; the code is on the innermost cause. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? undefined : codeOf(cause);
}

function reasonOf(error: unknown): string {
  const inner = (error as { cause?: unknown } | undefined)?.cause;
  if (inner instanceof Error && !(error instanceof DownloadError)) return reasonOf(inner);
  return codeOf(error) ?? asError(error).message;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(bytes < 10 << 20 ? 1 : 0)} MiB`;
}
