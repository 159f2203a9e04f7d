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
          passed.push(...filter.take(stream.subarray(at, end)));
          at = end;
        }
        assert.deepEqual(Buffer.concat(passed), Buffer.concat(sent.filter(judge).map(framed)));
      }),
    );
  });

  it("is over when it is no stream of frames", () => {
    assert.throws(() => new FrameFilter(() => true).take(Buffer.from([0xff, 0xff, 0xff, 0xff])), /no frame/);
  });
});
