import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

describe("a program that is asked to stop", function () {
  this.timeout(20_000);

  it("hears a Ctrl-C once, however often it comes, another one again, and nothing once it has done", async () => {
    const program = `
      import { whenAskedToStop } from "./lib/asked-to-stop.ts";
      const done = whenAskedToStop((times, signal) => {
        if (times === 2) done();
        console.log(times, signal);
      });
      setInterval(() => {}, 1000);
      console.log("listens");`;
    const running = execa(process.execPath, ["--import", "tsx", "-e", program], {
      reject: false,
      buffer: false,
      forceKillAfterDelay: false,
    });
    const lines = running.iterable()[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => (await lines.next()).value;
    assert.equal(await next(), "listens");
    running.kill("SIGINT");
    await sleep(100);
    running.kill("SIGINT");
    running.kill("SIGTERM");
    assert.equal(await next(), "1 SIGINT");
    await sleep(1_200);
    running.kill("SIGTERM");
    assert.equal(await next(), "2 SIGTERM");
    running.kill("SIGTERM");
    assert.equal((await running).signal, "SIGTERM");
  });
});
