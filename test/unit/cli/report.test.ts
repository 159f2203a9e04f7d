import assert from "node:assert/strict";
import type { Fleet, MachineStatus } from "../../../cli/fleet.ts";
import { verifyNow } from "../../../cli/report.ts";
import type { Report } from "../../../contract/report.ts";

/** The report of a machine that answers with this text. */
const reportOf = async (text: string): Promise<Report> => {
  const machine = { name: "m" } as MachineStatus;
  const fleet: Fleet = {
    machines: async () => [machine],
    connect: async () => ({
      exec: async (_command, { stdout }) => {
        stdout.write(Buffer.from(text));
        return 0;
      },
      shell: async () => 0,
    }),
  };
  return await verifyNow(fleet, machine);
};

const REPORT: Report = {
  machine: "m",
  target: "local",
  image: "i",
  arch: "amd64",
  runtime: "r",
  depth: "full",
  startedAt: "2026-01-01T00:00:00Z",
  durationMs: 1,
  ok: true,
  rows: [],
  notices: ["\x1b[2J"],
};

describe("a machine's report", () => {
  it("acts on no terminal, the control", async () => {
    assert.deepEqual(await reportOf(JSON.stringify(REPORT)), { ...REPORT, notices: ["\\x1b[2J"] });
  });

  for (const [what, text] of [
    ["nested deep", "[".repeat(20_000) + "]".repeat(20_000)],
    ["nested deep in a part", `{"notices":${"[".repeat(20_000)}${"]".repeat(20_000)}}`],
    ["no JSON", "no"],
    ["of another version", "{}"],
  ] as const) {
    it(`is refused with a code of its own when it is ${what}`, async () => {
      await assert.rejects(reportOf(text), { name: "OperatorError", code: "CLOISTER_E_NO_REPORT" });
    });
  }
});
