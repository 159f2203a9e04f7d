import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describeLearned, readResult } from "../../../../cli/policy/learn.ts";
import { askedOf } from "../../../../guest/egress/asked.ts";
import { collect } from "../../../../guest/run/command.ts";
import { CAPTURE_LIMIT } from "../../../../guest/run/result.ts";

describe("a command's output", () => {
  const read = (size: number, byte: number) => collect(Readable.from([Buffer.alloc(size, byte)]));

  it("is cut where more came than is kept, whatever its bytes become as text", async () => {
    const grown = await read(CAPTURE_LIMIT / 2, 0xff);
    assert.ok(Buffer.byteLength(grown.text) > CAPTURE_LIMIT);
    assert.equal(grown.cut, false);
    assert.equal((await read(CAPTURE_LIMIT, 0x61)).cut, false);
    const { text, cut } = await read(CAPTURE_LIMIT + 1, 0x61);
    assert.deepEqual([text.length, cut], [CAPTURE_LIMIT, true], "the control");
  });

  it("is said to be cut by what learns a policy, when its result says so", () => {
    const told = (more: object) => {
      const stdout = "\ufffd".repeat(CAPTURE_LIMIT / 2);
      const result = readResult(0, JSON.stringify({ exitCode: 0, stdout, stderr: "", decisions: [], ...more }));
      return describeLearned("p.yaml", askedOf([]), result).join("\n");
    };
    assert.doesNotMatch(told({}), /only the first/);
    assert.match(told({ cut: true }), /only the first 16 MiB of an output are shown/);
  });
});
