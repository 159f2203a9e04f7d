/** Shows on a terminal how much was moved; says nothing elsewhere. */
export function showProgress(what: string): { readonly moved: (bytes: number) => void; readonly end: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { moved: () => {}, end: () => {} };
  const startedAt = Date.now();
  let total = 0;
  let shownAt = 0;
  const show = (): void => {
    shownAt = Date.now();
    const seconds = Math.max(0.1, (shownAt - startedAt) / 1000);
    const line = `${what}: ${mebibytes(total)} MiB (compressed), ${mebibytes(total / seconds)} MiB/s`;
    stderr.write(`\r${line.slice(0, (stderr.columns ?? 80) - 1)}\u001b[K`);
  };
  return {
    moved(bytes) {
      total += bytes;
      if (Date.now() - shownAt > 200) show();
    },
    end() {
      show();
      stderr.write("\n");
    },
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
