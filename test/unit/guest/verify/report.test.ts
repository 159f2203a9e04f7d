import assert from "node:assert/strict";
import { REFERENCE_ROWS } from "../../../../contract/reference.ts";
import { expectation } from "../../../../contract/reference-row.ts";
import { failures, Report, type Row } from "../../../../contract/report.ts";
import { readyLine } from "../../../../guest/verify/command.ts";
import type { Verdicts } from "../../../../guest/verify/judge/verdict.ts";
import { readAgentRun } from "../../../../guest/verify/look/agent.ts";
import { parseAssignments, parseFields } from "../../../../guest/verify/look/files.ts";
import { parseProbe } from "../../../../guest/verify/probe-report.ts";
import { makeRows } from "../../../../guest/verify/rows.ts";
import { printReport, tellReport } from "../../../../guest/verify/table.ts";

const HERE = { target: "local", arch: "amd64", distribution: "debian" } as const;

describe("the reference and its rows", () => {
  it("has every row once, in groups", async () => {
    const rows = REFERENCE_ROWS;
    assert.equal(rows.length, 39);
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
    assert.equal(
      expectation(rows.find(({ id }) => id === "A3") ?? assert.fail()),
      "Task, Bash, Glob, Grep, Read, Edit, Write",
    );
  });

  const rowOf = async (id: string, verdicts: Verdicts, context: Parameters<typeof makeRows>[2] = HERE): Promise<Row> =>
    makeRows(REFERENCE_ROWS, verdicts, context).find((row) => row.id === id) ?? assert.fail();
  const bad = { seen: "x", ok: false, reason: "why" };

  it("fails a must row that differs, not a parity row", async () => {
    assert.deepEqual((({ status, fails, reason }) => [status, fails, reason])(await rowOf("S5", { S5: bad })), [
      "differs",
      true,
      "why",
    ]);
    const arm = { ...HERE, arch: "arm64" };
    assert.deepEqual((({ status, fails }) => [status, fails])(await rowOf("M7", { M7: bad }, arm)), ["differs", false]);
  });

  it("reports Ubuntu's rows on a stand-in without failing, and fails them on Ubuntu", async () => {
    const standIn = await rowOf("O1", { O1: bad });
    assert.deepEqual([standIn.status, standIn.fails], ["differs", false]);
    assert.match(standIn.reason ?? "", /stand-in/);
    const ubuntu = await rowOf("O1", { O1: bad }, { ...HERE, distribution: "ubuntu" });
    assert.deepEqual([ubuntu.status, ubuntu.fails, ubuntu.reason], ["differs", true, "why"]);
  });

  it("does not fail for what its judge excuses, and says why", async () => {
    const ubuntu = { ...HERE, distribution: "ubuntu", target: "aws" } as const;
    const row = await rowOf("O2", { O2: { ...bad, excuse: "another kernel" } }, ubuntu);
    assert.deepEqual([row.status, row.fails, row.reason], ["differs", false, "another kernel"]);
    assert.equal((await rowOf("O2", { O2: bad }, ubuntu)).fails, true);
  });

  it("leaves out rows of other architectures and targets, with the reason", async () => {
    assert.match((await rowOf("M1", { M1: bad })).reason ?? "", /a row of arm64 machines; this one is amd64/);
    const container = await rowOf("C1", {});
    assert.deepEqual([container.status, container.fails], ["not-applicable", false]);
    assert.equal((await rowOf("M1", { M1: bad }, { ...HERE, arch: "arm64" })).fails, true);
  });

  it("does not let a row pass that nobody looks at", async () => {
    const row = await rowOf("S5", {});
    assert.deepEqual([row.status, row.fails], ["differs", true]);
  });

  it("keeps what was not checked apart from what is right", async () => {
    const row = await rowOf("A2", { A2: { notChecked: "later" } });
    assert.deepEqual([row.status, row.fails, row.reason], ["not-checked", false, "later"]);
  });
});

describe("the report", () => {
  const report = async (verdicts: Verdicts): Promise<Report> => {
    const rows = makeRows(REFERENCE_ROWS, verdicts, HERE);
    return Report.parse({
      machine: "first",
      target: "local",
      image: "Debian GNU/Linux 13 (trixie)",
      arch: "amd64",
      runtime: "0".repeat(64),
      depth: "quick",
      startedAt: "2026-01-01T00:00:00.000Z",
      durationMs: 6_543,
      ok: rows.every((row) => !row.fails),
      rows,
    });
  };
  const allOk = async (): Promise<Record<string, { seen: string; ok: boolean; reason?: string }>> =>
    Object.fromEntries(REFERENCE_ROWS.map(({ id }) => [id, { seen: "as promised", ok: true }]));

  it("is a table with a summary", async () => {
    const text = printReport(await report(await allOk()), { width: 100, allRows: true });
    assert.ok(
      text.split("\n").every((line) => line.length <= 100),
      text,
    );
    assert.match(text, /│ S6 +│ capabilities/);
    assert.match(
      text,
      /machine first \(Debian GNU\/Linux 13 \(trixie\), amd64\) verified: 32 ok, 0 differ; quick, 6\.5 s/,
    );
  });

  it("is no longer than people read, whatever a machine says", async () => {
    const [row = assert.fail()] = (await report({ S6: { seen: "x", ok: false } })).rows.filter(({ id }) => id === "S6");
    const good = await report(await allOk());
    const rows = (count: number, seen: string) =>
      printReport({ ...good, rows: Array.from({ length: count }, () => ({ ...row, fails: false, seen })) });
    const words = (text: string) => text.split(/\W+/).filter((word) => word === "q").length;
    assert.equal(words(rows(3, "q ".repeat(450))), 3 * 450, "the control");
    assert.equal(words(rows(3, "q ".repeat(5_000))), 3 * 500);
    assert.equal(words(rows(150, "q")), 150, "the control");
    const many = rows(1_000, "q");
    assert.equal(words(many), 200);
    assert.match(many, /\n800 rows more are not shown\nmachine first/);
  });

  it("is one line where nothing differs, and shows only what differs; rows of other targets are never in it", async () => {
    const good = printReport(await report(await allOk()), { width: 100 });
    assert.match(good, /^machine first [^\n]* verified: 32 ok, 0 differ; quick, [^\n]*$/);
    const one = printReport(
      await report({ ...(await allOk()), S6: { seen: "CapBnd 1", ok: false, reason: "not all" } }),
    );
    assert.match(one, /│ S6 +│/);
    assert.doesNotMatch(one, /│ S5 +│/);
    const all = printReport(await report(await allOk()), { allRows: true });
    assert.match(all, /│ S5 +│/, "the control: with all rows it is there");
    assert.doesNotMatch(all, /a row of (AWS|containers|arm64)|n\/a/);
  });

  it("has one line a row with tabs on a pipe, where the summary goes to the other output", async () => {
    const one = await report({
      ...(await allOk()),
      S6: { seen: "CapBnd 1,\n\tCapEff 0", ok: false, reason: "not all are 0" },
    });
    const told = (screen: { isTTY?: boolean; columns?: number }, allRows = false) => {
      const said = { stdout: "", stderr: "" };
      const output = (name: "stdout" | "stderr") => ({
        ...screen,
        write(text: string) {
          said[name] += text;
        },
      });
      tellReport(one, allRows, { stdout: output("stdout"), stderr: output("stderr") });
      return said;
    };
    const piped = told({});
    const lines = piped.stdout.split("\n");
    assert.equal(lines.pop(), "");
    assert.deepEqual(
      lines.map((line) => line.split("\t").length),
      [5],
    );
    assert.match(lines[0] ?? "", /^S6\tFAILS\tcapabilities\t[^\t]+\tCapBnd 1, CapEff 0 - not all are 0$/);
    assert.match(piped.stderr, /^machine first .*NOT verified: /);
    assert.ok(told({}, true).stdout.split("\n").length > 30);
    const seen = told({ isTTY: true, columns: 100 });
    assert.match(seen.stdout, /│ S6 +│[\s\S]*NOT verified: /);
    assert.equal(seen.stderr, "");
  });

  it("says first what fails", async () => {
    const failing = await report({ ...(await allOk()), S6: { seen: "CapBnd 1", ok: false, reason: "not all are 0" } });
    assert.equal(failing.ok, false);
    assert.deepEqual(failures(failing), ["S6 capabilities: not all are 0"]);
    assert.match(printReport(failing), /FAILS[\s\S]*NOT verified: [^\n]*\n {2}S6 capabilities: not all are 0$/);
    assert.equal(readyLine(failing), "cloister: not ready: S6 capabilities: not all are 0");
  });

  it("hands on what the boot left for the operator, last", async () => {
    const good = await report(await allOk());
    assert.doesNotMatch(printReport(good), /notice:/);
    const text = printReport({ ...good, notices: ["the session disk is full", "another"] });
    assert.match(text, / verified: 32 ok.*\nnotice: the session disk is full\nnotice: another$/);
  });

  it("makes one line for the console, however much is wrong", async () => {
    assert.equal(readyLine(await report(await allOk())), "cloister: ready");
    const line = readyLine(await report({}));
    assert.ok(line.length <= 900 && !line.includes("\n"));
  });
});

describe("reading facts", () => {
  it("reads os-release and /proc", () => {
    assert.deepEqual(parseAssignments("A=\"x y\"\n# c\nB='z'\nC=1\n"), { A: "x y", B: "z", C: "1" });
    assert.deepEqual(parseFields("processor\t: 0\nFeatures : a b\nprocessor : 1\n"), {
      processor: "0",
      Features: "a b",
    });
  });

  it("reads a run of Claude Code", () => {
    const events = [
      {
        type: "system",
        subtype: "init",
        claude_code_version: "2.1.280",
        mcp_servers: [{ name: "web", status: "connected" }],
      },
      { type: "result", subtype: "success", result: '{"model":"m","tools":["Bash"]}' },
    ];
    assert.deepEqual(readAgentRun(`noise\n${events.map((event) => JSON.stringify(event)).join("\n")}\n`), {
      version: "2.1.280 (Claude Code)",
      offered: { model: "m", tools: ["Bash"] },
      mcpServers: [{ name: "web", status: "connected" }],
    });
    assert.throws(() => readAgentRun("nothing"), /did not tell how it started/);
  });

  it("does not take noise for the probe's report", () => {
    assert.throws(() => parseProbe("bwrap: no"), /the probe printed no report: "bwrap: no"/);
  });
});
