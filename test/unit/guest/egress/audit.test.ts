import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { journal } from "../../../../guest/egress/audit.ts";
import { type CountedRow, RATES, RowCount, RowRate } from "../../../../guest/egress/audit-counts.ts";
import { auditReading } from "../../../../guest/egress/audit-read.ts";
import { auditRow, type EgressDecision } from "../../../../guest/egress/decision.ts";

const ROW: EgressDecision = {
  time: "2026-01-12T09:30:01.123Z",
  session: "brave-loving-maxwell",
  host: "example.com",
  port: 443,
  via: "connect",
  verdict: "denied",
  reason: "not on the allow list",
};

const isCounted = (row: EgressDecision | CountedRow): row is CountedRow => "counted" in row;

describe("the audit log", function () {
  this.timeout(20_000);
  let folder: string;
  let path: string;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  /** Stands in for journald's stream socket: this computer may have no journal. */
  async function standIn(reads = true): Promise<{ readonly text: () => string; readonly server: Server }> {
    let text = "";
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      // As journald does.
      socket.end();
      if (reads) socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      else socket.pause();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return { text: () => text, server };
  }
  /** What was handed to the kernel is read a moment later. */
  const arrived = async () => {
    await Promise.all([...sockets].map(async (socket) => socket.closed || (await once(socket, "close"))));
  };
  const rowsOf = (text: string) =>
    text
      .split("\n")
      .slice(7)
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as EgressDecision | CountedRow);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-audit-"));
    path = join(folder, "stdout");
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    for (const server of servers.splice(0)) server.close();
    await rm(folder, { recursive: true });
  });

  it("hands every row to the journal as one line of JSON, under its identifier", async () => {
    const { text } = await standIn();
    const problems: string[] = [];
    const log = journal((line) => problems.push(line), path);
    const many = RATES[0].burst;
    for (let port = 0; port < many; port++) log.write({ ...ROW, port });
    await log.close();
    await arrived();
    assert.deepEqual(
      rowsOf(text()),
      Array.from({ length: many }, (_, port) => ({ ...ROW, port })),
    );
    // systemd-journald's stream: identifier, unit, priority, prefixes, and three that forward.
    assert.deepEqual(text().split("\n").slice(0, 7), ["cloister-egress", "", "6", "0", "0", "0", "0"]);
    assert.deepEqual(problems, []);
  });

  it("connects to nothing for a session that asks for nothing", async () => {
    let connected = false;
    (await standIn()).server.on("connection", () => (connected = true));
    await journal(assert.fail, path).close();
    await sleep(50);
    assert.equal(connected, false);
  });

  it("says once that rows are lost, how many, and goes on", async () => {
    const problems: string[] = [];
    const log = journal((line) => problems.push(line), path);
    for (let i = 0; i < 50; i++) log.write(ROW);
    await log.close();
    assert.equal(problems.length, 1);
    assert.match(
      problems[0] ?? "",
      /^the audit log of the network could not be written: .*ENOENT.*: 50 rows are missing$/,
    );
  });

  it("counts what is beyond the rate, each verdict apart, and loses none", async () => {
    const { text } = await standIn();
    const log = journal(assert.fail, path);
    for (let i = 0; i < 5_000; i++) log.write({ ...ROW, host: `host-${i % 30}.example` });
    log.write({ ...ROW, verdict: "allowed", host: "pypi.org" });
    await log.close();
    await arrived();
    const rows = rowsOf(text());
    const denied = rows.filter((row) => row.verdict === "denied");
    const single = denied.filter((row) => !isCounted(row)).length;
    const counted = denied.filter(isCounted);
    assert.ok(single >= RATES[0].burst && single < 1_000, `${single} rows one by one`);
    assert.equal(single + counted.reduce((sum, row) => sum + row.counted, 0), 5_000);
    for (const row of counted) {
      assert.equal(row.session, ROW.session);
      assert.equal(
        row.hosts.reduce((sum, [, count]) => sum + count, row.others),
        row.counted,
      );
      assert.ok(row.hosts.length <= 20 && row.others > 0);
    }
    // The control: a flood of refused requests does not take an allowed one's row.
    assert.ok(rows.some((row) => row.verdict === "allowed" && !isCounted(row) && row.host === "pypi.org"));
  });

  it("writes what it counted while the session goes on", async () => {
    const { text } = await standIn();
    const log = journal(assert.fail, path);
    for (let i = 0; i < 1_000; i++) log.write(ROW);
    await sleep(1_500);
    assert.ok(rowsOf(text()).some(isCounted));
    await log.close();
  });

  it("cuts what a session names", async () => {
    const { text } = await standIn();
    const log = journal(assert.fail, path);
    log.write({ ...ROW, host: "h".repeat(100_000), path: "/\n".repeat(50_000) });
    await log.close();
    await arrived();
    assert.ok(text().length < 8_000);
    assert.equal(rowsOf(text()).length, 1);
  });

  it("does not grow when the journal stands still, and tells what is missing", async () => {
    await standIn(false);
    const problems: string[] = [];
    const log = journal((line) => problems.push(line), path);
    log.write(ROW);
    await sleep(50);
    global.gc?.();
    const before = process.memoryUsage();
    for (let i = 0; i < 400_000; i++) {
      log.write({ ...ROW, host: `${"x".repeat(500)}${i}.example` });
      if (i % 10_000 === 0) await sleep(0);
    }
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.external - before.heapUsed - before.external;
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes`);
    await log.close();
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /could not be written: it did not take them in 5 s/);
  });

  it("goes on once the journal is back, with a row for what was not written meanwhile", async () => {
    const problems: string[] = [];
    const log = journal((line) => problems.push(line), path);
    log.write(ROW);
    await sleep(50);
    for (let i = 0; i < 10; i++) log.write(ROW);
    const { text } = await standIn();
    await sleep(2_500);
    log.write({ ...ROW, host: "later.example" });
    await log.close();
    await arrived();
    const rows = rowsOf(text());
    assert.deepEqual(
      rows.filter(isCounted).map(({ counted }) => counted),
      [10],
    );
    assert.ok(rows.some((row) => !isCounted(row) && row.host === "later.example"));
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", /: 1 rows are missing$/);
  });
});

describe("the audit log's rate", () => {
  it("lets a burst through, then some each second, then few over hours", () => {
    let now = 0;
    const rate = new RowRate(() => now);
    const taken = (tries: number) => Array.from({ length: tries }, () => rate.take(200)).filter(Boolean).length;
    assert.equal(taken(1_000), 200);
    now += 1_000;
    assert.equal(taken(1_000), 50);
    let all = 250;
    for (let second = 0; second < 24 * 3600; second++) {
      now += 1_000;
      all += taken(100);
    }
    assert.ok(all >= 50_000 && all < 55_000, `${all} rows in a day`);
  });

  it("lets the largest rows of a day fill a small part of the journal", () => {
    // As many quotation marks as go into a row: each is two characters in it.
    const row = auditRow({
      ...ROW,
      host: '"'.repeat(999),
      reason: "r".repeat(999),
      method: "M",
      path: '"'.repeat(9_999),
    });
    const line = JSON.stringify(row).length;
    let now = 0;
    const rate = new RowRate(() => now);
    let written = 0;
    for (let second = 0; second < 24 * 3600; second++, now += 1_000)
      for (let tries = 0; tries < 60 && rate.take(line); tries++) written += line;
    assert.ok(line > 3_000, `control: a row of ${line}`);
    assert.ok(written > 2 ** 22, "control: some are written");
    // Three verdicts of them are less than a fifth of the journal's 256 MiB.
    assert.ok(written < 13 * 2 ** 20, `${written} characters`);
  });

  it("lists no more hosts in a row of counts than have room", () => {
    const count = new RowCount();
    for (let at = 0; at < 50; at++) count.add({ ...ROW, host: `${at}${"x".repeat(253)}` });
    const row = count.take("denied");
    assert.equal(row.counted, 50);
    assert.equal(row.hosts.length + row.others, 50);
    assert.ok(row.hosts.length >= 3 && JSON.stringify(row).length < 1_500, `${JSON.stringify(row).length} characters`);
    for (let at = 0; at < 50; at++) count.add({ ...ROW, host: `${at}.example` });
    assert.equal(count.take("denied").hosts.length, 20, "control: usual names");
  });

  it("keeps a count of bounded size", () => {
    const count = new RowCount();
    for (let i = 0; i < 100_000; i++) count.add({ ...ROW, host: i % 2 ? "__proto__" : `${i}.example` });
    const row = count.take("denied");
    assert.equal(row.counted, 100_000);
    assert.equal(row.hosts.length, 20);
    assert.deepEqual(row.hosts[1], ["__proto__:443", 50_000]);
    assert.equal(row.others, 100_000 - 50_000 - 19);
    assert.ok(count.empty);
  });
});

describe("reading the audit log", () => {
  it("asks for what the journal itself says of who wrote a row", () => {
    const matches = ["_UID=0", "_TRANSPORT=stdout", "SYSLOG_IDENTIFIER=cloister-egress"];
    assert.deepEqual(auditReading(), [
      "--namespace=cloister-audit",
      "--output=cat",
      "--no-pager",
      "--quiet",
      ...matches,
    ]);
    assert.deepEqual(auditReading({ session: "a-b-c", since: "-1h", follow: true }).slice(4), [
      ...["--since=-1h", "--follow", "--no-tail", '--grep="session":"a-b-c"', "--case-sensitive=yes"],
      ...matches,
    ]);
  });
});
