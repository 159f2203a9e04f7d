import { shown } from "./copy/text.ts";

/** Milliseconds between two lines where a line cannot be written over. */
const PLAIN_MS = 10_000;
const TERMINAL_MS = 200;

/** Bytes of which a terminal keeps the last line. */
const WORTH_TELLING = 2 ** 20;

/** The part of `process.stderr` that is used here. */
interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Shows how much was moved: a terminal gets one line that changes, other outputs get a plain line now and then. */
export function showProgress(
  what: string,
  screen: Screen = process.stderr,
  now: () => number = Date.now,
): { readonly moved: (bytes: number) => void; readonly end: () => void } {
  const startedAt = now();
  let total = 0;
  let shownAt = startedAt;
  let over = false;
  const show = (): void => {
    shownAt = now();
    const seconds = Math.max(0.1, (shownAt - startedAt) / 1000);
    const line = `${shown(what)}: ${mebibytes(total)} MiB (compressed), ${mebibytes(total / seconds)} MiB/s`;
    screen.write(screen.isTTY ? `\r${line.slice(0, (screen.columns ?? 80) - 1)}\u001b[K` : `cloister: ${line}\n`);
  };
  return {
    moved(bytes) {
      total += bytes;
      if (now() - shownAt > (screen.isTTY ? TERMINAL_MS : PLAIN_MS)) show();
    },
    end() {
      if (over) return;
      over = true;
      if (!screen.isTTY) return;
      // Less says nothing to anybody: a sync of a few files moves twice that.
      if (total < WORTH_TELLING) screen.write("\r\u001b[K");
      else {
        show();
        screen.write("\n");
      }
    },
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
