import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { capture } from "../../../cli/capture.ts";
import type { OpenChannel } from "../../../cli/remote-helper/channel.ts";
import { FrameReader } from "../../../cli/remote-helper/frames.ts";
import { runByRemoteHelper } from "../../../cli/remote-helper/near-end.ts";
import { processChannel } from "../../../cli/remote-helper/process-channel.ts";
import type { Transport } from "../../../cli/transport.ts";

/** A machine that is in somebody's hands: this program is its end of each command. It knows the word before its lines. */
const machine =
  (program: string): OpenChannel =>
  (commandLine) => {
    const word = commandLine.split(" ").at(-1) ?? "";
    const say = 'const say = (line) => { while (true) try { return require("fs").writeSync(1, line); } catch {} };';
    return processChannel(process.execPath, ["-e", `const word = process.argv[1];${say}${program}`, word]);
  };

const transport = (program: string): Pick<Transport, "exec"> => ({
  exec: (command, options) => runByRemoteHelper(machine(program), "evil", command, { ...options, user: "root" }),
});

const nowhere = () => new Writable({ write: (_data, _encoding, done) => done() });
/** What it takes at most while something runs, in MiB. */
async function peakMiB(act: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const looking = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  await act().finally(() => clearInterval(looking));
  return (Math.max(peak, process.memoryUsage().rss) - before) / 2 ** 20;
}

describe("the operator's command before a hostile machine", function () {
  this.timeout(60_000);

  it("asks and gets an answer, the control", async () => {
    const program =
      'say(word + " r\\n" + word + " o " + Buffer.from("an answer").toString("base64") + "\\n" + word + " x 0 9 0\\n");';
    assert.deepEqual(await capture(transport(program), ["x"]), { exitCode: 0, stdout: "an answer", stderr: "" });
  });

  it("keeps no more of an answer than it may have, and ends the connection", async () => {
    const program =
      'say(word + " r\\n"); const line = word + " o " + Buffer.alloc(49152, 97).toString("base64") + "\\n"; while (true) say(line);';
    const peak = await peakMiB(async () => {
      await assert.rejects(capture(transport(program), ["x"]), /answered with more than 16 MiB/);
    });
    assert.ok(peak < 200, `${peak} MiB`);
  });

  it("holds little of a line without an end", async () => {
    const program = 'const part = "a".repeat(65536); for (let i = 0; i < 4000; i++) say(part);';
    const peak = await peakMiB(async () => {
      await assert.rejects(capture(transport(program), ["x"]), { code: "CLOISTER_E_UNREACHABLE" });
    });
    assert.ok(peak < 150, `${peak} MiB`);
  });

  it("finds its own line behind a long one of others", async () => {
    const reader = new FrameReader("word");
    reader.end(`${"a".repeat(1 << 20)}word r\n`);
    const frames = await reader.toArray();
    assert.deepEqual(frames, [{ kind: "ready" }]);
  });

  it("starts the command once, and sends no more input than the machine took", async () => {
    // It says that it took all, and never reads.
    const program =
      'say((word + " r\\n").repeat(1000) + (word + " c 999999999999999\\n")); setTimeout(() => {}, 3000);';
    const stdin = new PassThrough();
    let read = 0;
    const source = setInterval(() => {
      for (let i = 0; i < 64 && stdin.writableLength < 1 << 20; i++) {
        stdin.write(Buffer.alloc(65_536));
        read += 65_536;
      }
    }, 1);
    const channels = machine(program);
    let sent = 0;
    let starts = 0;
    const open: OpenChannel = async (line) => {
      const channel = await channels(line);
      const { write } = channel.toFar;
      channel.toFar.write = ((text: string) => {
        sent += text.length;
        if (text.startsWith("s ")) starts++;
        return write.call(channel.toFar, text, "utf8", () => {});
      }) as typeof write;
      return channel;
    };
    const options = { stdin, stdout: nowhere(), stderr: nowhere(), user: "root" };
    await assert.rejects(runByRemoteHelper(open, "evil", ["x"], options), { code: "CLOISTER_E_LOST" });
    clearInterval(source);
    assert.equal(starts, 1);
    assert.ok(sent < 2 << 20, `${sent} bytes`);
    assert.ok(read > 0, "the control: there was input");
  });
});
