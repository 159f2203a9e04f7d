import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameFilter } from "../../../../../infra/local/network/frames.ts";

const framed = (data: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
};

describe("the stream of a machine's frames", () => {
  it("loses exactly the frames that may not pass, however it is cut", () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 30 });
    const judge = (frame: Uint8Array): boolean => (frame[0] ?? 0) % 2 === 0;
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(framed));
        const filter = new FrameFilter(judge);
        const passed: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          passed.push(filter.take(stream.subarray(at, end)));
          at = end;
        }
        assert.deepEqual(Buffer.concat(passed), Buffer.concat(sent.filter(judge).map(framed)));
      }),
    );
  });

  it("keeps nothing of the frames that it loses", () => {
    const filter = new FrameFilter((frame) => frame.length === 60);
    const chunk = () => Buffer.concat([framed(Buffer.alloc(65_000)), framed(Buffer.alloc(60))]);
    // As a queue does that nobody takes anything of.
    const waiting = Array.from({ length: 200 }, () => filter.take(chunk()));
    assert.equal(
      waiting.reduce((sum, { length }) => sum + length, 0),
      200 * 64,
      "the control: they passed",
    );
    const held = new Set(waiting.map(({ buffer }) => buffer));
    const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(bytes < 1 << 20, `${bytes} bytes are held for ${200 * 64}`);
  });

  it("is over when it is no stream of frames", () => {
    assert.throws(() => new FrameFilter(() => true).take(Buffer.from([0xff, 0xff, 0xff, 0xff])), /no frame/);
  });
});
