import assert from "node:assert/strict";
import { Readable } from "node:stream";
import fc from "fast-check";
import { type Frame, FrameReader, parseFrame } from "../../../cli/remote-helper/frames.ts";

const WORD = "cloister-0123456789ab";

async function read(parts: Buffer[]): Promise<Frame[]> {
  const reader = Readable.from(parts).pipe(new FrameReader(WORD));
  const frames: Frame[] = [];
  for await (const frame of reader) frames.push(frame as Frame);
  return frames;
}

describe("the remote helper's lines", () => {
  it("are told from all else on a terminal", () => {
    assert.deepEqual(parseFrame(`${WORD} r\r`, WORD), { kind: "ready" });
    assert.deepEqual(parseFrame(`no end of line${WORD} c 12`, WORD), { kind: "taken", count: 12 });
    assert.deepEqual(parseFrame(`${WORD} x 7 1 2`, WORD), { kind: "exit", code: 7, stdout: 1, stderr: 2 });
    for (const line of [
      "",
      "x 0 0 0",
      "cloister-ffffffffffff x 0 0 0",
      `${WORD} x -1 0 0`,
      `${WORD} x 0`,
      `${WORD} q`,
      WORD,
    ]) {
      assert.deepEqual(parseFrame(line, WORD), { kind: "noise", text: line }, JSON.stringify(line));
    }
  });

  it("are the same however they arrive", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 40 }), async (bytes, size) => {
        const data = Buffer.from(bytes);
        const text = Buffer.from(
          `\nStarting session\n${WORD} o ${data.toString("base64")}\n${WORD} x 0 ${data.length} 0\n`,
        );
        const parts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
          text.subarray(i * size, (i + 1) * size),
        );
        const frames = (await read(parts)).filter(({ kind }) => kind !== "noise");
        assert.deepEqual(frames, [
          { kind: "output", stream: "stdout", data },
          { kind: "exit", code: 0, stdout: data.length, stderr: 0 },
        ]);
      }),
      { numRuns: 50 },
    );
  });
});
