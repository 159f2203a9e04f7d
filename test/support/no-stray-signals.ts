/** Loaded before every test: a signal to -1, 0 or 1 reaches every process of the computer, or the test runner's own. */
const send = process.kill.bind(process);

process.kill = (pid, signal) => {
  if (!Number.isInteger(pid) || Math.abs(pid) <= 1) {
    throw new Error(`a test would signal process ${pid}: name one that it started`);
  }
  return send(pid, signal);
};
