/**
 * Loaded before every test. Signals that tests send never reach what they did not start, and a test run that is told to
 * stop still takes its machines down: the test that runs ends, no other begins, and `after` hooks run.
 */
import type { RootHookObject } from "mocha";
import { whenAskedToStop } from "../lib/asked-to-stop.ts";

const send = process.kill.bind(process);

/** A signal to -1, 0 or 1 would reach every process of the computer, or the test runner's own. */
process.kill = (pid, signal) => {
  if (!Number.isInteger(pid) || Math.abs(pid) <= 1) {
    throw new Error(`a test would signal process ${pid}: name one that it started`);
  }
  return send(pid, signal);
};

const stop = new AbortController();

/** Aborted when the run is told to stop by SIGINT or SIGTERM. Another signal, more than a second later, ends it at once. */
export const stopped: AbortSignal = stop.signal;

whenAskedToStop((times, signal) => {
  if (times > 1) process.exit(130);
  stop.abort(new Error(`stopped by ${signal}`));
});

export const mochaHooks: RootHookObject = {
  beforeEach() {
    stopped.throwIfAborted();
  },
};
