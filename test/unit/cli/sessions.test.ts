import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { askForSessions } from "../../../cli/commands/sessions.ts";
import { passOn } from "../../../cli/pass-on.ts";
import type { Transport } from "../../../cli/transport.ts";

const ESCAPES = "\u001b]0;title\u0007\u001b[2J";
const HARMLESS = "\\x1b]0;title\\x07\\x1b[2J";
const SINCE = "2026-01-02T03:04:05.678Z";

/** A machine whose command says this. */
const machine = (stdout: string, stderr = "", exitCode = 0): Pick<Transport, "exec"> => ({
  exec: async (_command, to) => {
    to.stdout.write(Buffer.from(stdout));
    to.stderr.write(Buffer.from(stderr));
    return exitCode;
  },
});

describe("a machine's own words about its sessions", () => {
  it("are a list of names and times, and errors that move no cursor", async () => {
    const list = JSON.stringify([{ name: "web", since: SINCE, detached: { began: SINCE, exitCode: 7, ended: SINCE } }]);
    const good = await askForSessions(machine(list, "a notice\n"));
    assert.deepEqual([good.found?.[0]?.since, good.said, good.exitCode], [SINCE, "a notice\n", 0], "the control");
    assert.equal((await askForSessions(machine(list, `${ESCAPES}x\n`))).said, `${HARMLESS}x\n`);
    const failed = await askForSessions(machine("", ESCAPES, 3));
    assert.deepEqual(failed, { exitCode: 3, said: HARMLESS });
    for (const bad of [list.replace(SINCE, `${SINCE}\\u001b[2J`), list.replaceAll(SINCE, "\\u001b[2J"), ESCAPES])
      await assert.rejects(askForSessions(machine(bad)), (error: Error) => {
        assert.match(error.message, /cannot be read/);
        assert.ok(!error.message.includes("\u001b"));
        return true;
      });
  });

  it("reach a terminal as harmless text, and a pipe byte for byte", async () => {
    const shown = async (isTTY: boolean, live = false): Promise<unknown[]> => {
      const screens = {
        stdout: Object.assign(new PassThrough(), { isTTY }),
        stderr: Object.assign(new PassThrough(), { isTTY }),
      };
      const code = await passOn(machine(`out ${ESCAPES}\n`, `error ${ESCAPES}\n`, 5), ["x"], screens, {}, live);
      screens.stdout.end();
      screens.stderr.end();
      return [code, await text(screens.stdout), await text(screens.stderr)];
    };
    assert.deepEqual(await shown(true), [5, `out ${HARMLESS}\n`, `error ${HARMLESS}\n`]);
    // A command that runs now keeps its colours, and ends them.
    assert.deepEqual(await shown(true, true), [5, `out ${HARMLESS}\n\u001b[0m`, `error ${HARMLESS}\n\u001b[0m`]);
    assert.deepEqual(await shown(false, true), [5, `out ${ESCAPES}\n`, `error ${ESCAPES}\n`]);
    assert.deepEqual(await shown(false), [5, `out ${ESCAPES}\n`, `error ${ESCAPES}\n`]);
  });
});
