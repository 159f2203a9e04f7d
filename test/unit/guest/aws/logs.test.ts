import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { type Batch, batched } from "../../../../guest/aws/logs/batch.ts";
import { logStream, refused } from "../../../../guest/aws/logs/cloudwatch.ts";
import { linesOf, rowsOf } from "../../../../guest/aws/logs/journal.ts";
import { type LogEvent, MOST_BYTES, parseRow, type Row } from "../../../../guest/aws/logs/rows.ts";
import { Shipment } from "../../../../guest/aws/logs/shipment.ts";
import { ShippingState } from "../../../../guest/aws/logs/state.ts";
import { StandInAws } from "../../../support/aws-guest/aws.ts";

const cursorOf = (n: number): string => `s=ab;i=${n.toString(16)}`;
const row = (n: number, message = `row ${n}`, timestamp = 1_000 * n): Row => ({
  cursor: cursorOf(n),
  event: { timestamp, message },
});
const line = (fields: object): string =>
  JSON.stringify({ __CURSOR: cursorOf(1), __REALTIME_TIMESTAMP: "1700000000123456", ...fields });

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function allOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe("aws: a row of the journal", () => {
  it("becomes JSON with its source, or is the event where it is an audit row", () => {
    const fields = { MESSAGE: "hello", PRIORITY: "6", SYSLOG_IDENTIFIER: "x", _SYSTEMD_UNIT: "x.service", _PID: "7" };
    const found = parseRow(line(fields), false);
    assert.equal(found?.cursor, cursorOf(1));
    assert.equal(found?.event.timestamp, 1_700_000_000_123);
    assert.deepEqual(JSON.parse(found?.event.message ?? ""), {
      unit: "x.service",
      name: "x",
      pid: "7",
      priority: "6",
      message: "hello",
    });
    assert.equal(parseRow(line({ MESSAGE: '{"host":"a"}' }), true)?.event.message, '{"host":"a"}');
  });

  it("may be bytes, nothing, or given twice, and is never an event without a message", () => {
    const message = (value: unknown) => parseRow(line({ MESSAGE: value }), true)?.event.message;
    assert.equal(message([104, 105]), "hi");
    assert.equal(message(["a", "b"]), "a\nb");
    for (const empty of [null, "", undefined, 7]) assert.equal(message(empty), "(empty)");
    for (const rubbish of ["", "{", "[]", '{"__CURSOR":1}']) assert.equal(parseRow(rubbish, true), undefined, rubbish);
  });

  it("is cut where it is larger than an event, also where JSON makes it larger", () => {
    for (const text of ["x".repeat(400_000), "\u0001".repeat(300_000), "é".repeat(200_000)])
      for (const plain of [true, false]) {
        const found = parseRow(line({ MESSAGE: text }), plain)?.event.message ?? "";
        assert.ok(Buffer.byteLength(found) <= MOST_BYTES, `${Buffer.byteLength(found)}`);
        assert.ok(/cut: \d+ bytes in the machine's journal/.test(found), found.slice(-90));
      }
  });

  it("is a line, and one that is longer than memory allows is left out", async () => {
    const chunks = [
      Buffer.from("one\ntw"),
      Buffer.from("o\n\n"),
      Buffer.from("y".repeat(50)),
      Buffer.from("y\nlast\nhalf"),
    ];
    assert.deepEqual(await allOf(linesOf(Readable.from(chunks), 20)), ["one", "two", "", "last"]);
  });
});

describe("aws: a batch of rows", () => {
  const size = ({ message }: LogEvent) => Buffer.byteLength(message) + 26;

  it("keeps every limit of PutLogEvents, and no row is lost", async () => {
    const rows = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 262_000 }), at: fc.integer({ min: 0, max: 2e8 }) }),
      {
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(rows, async (some) => {
        const given = some.map(({ bytes, at }, n) => row(n, "x".repeat(bytes), at));
        const batches = await allOf(batched(each(given), 1_000));
        for (const { events } of batches) {
          const times = events.map(({ timestamp }) => timestamp);
          assert.ok(events.reduce((sum, event) => sum + size(event), 0) <= 1_048_576 && events.length > 0);
          assert.deepEqual(
            times,
            [...times].sort((a, b) => a - b),
          );
          assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) < 24 * 3_600_000);
        }
        assert.equal(
          batches.reduce((sum, batch) => sum + batch.size, 0),
          given.length,
        );
        assert.equal(batches.at(-1)?.cursor, given.at(-1)?.cursor);
      }),
      { numRuns: 40 },
    );
    const many = await allOf(batched(each(Array.from({ length: 10_001 }, (_, n) => row(n, "x", n))), 60_000));
    assert.deepEqual(
      many.map((batch) => batch.size),
      [10_000, 1],
    );
  });

  it("goes a moment after its first row, also where no other comes", async () => {
    let end = (): void => {};
    async function* slow(): AsyncGenerator<Row> {
      yield row(1);
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    }
    const batches = batched(slow(), 20);
    const first = await batches.next();
    assert.equal((first.value as Batch).cursor, cursorOf(1));
    end();
    assert.equal((await batches.next()).done, true);
  });
});

describe("aws: the shipping of the journal", () => {
  /** A journal of `count` rows, a destination, and time that passes only by waiting. */
  function around(count: number, send: (events: readonly LogEvent[], now: number) => number) {
    let now = 0;
    let saved: string | undefined;
    const taken: string[] = [];
    const failures: (string | undefined)[] = [];
    const lost: [number, string][] = [];
    const ending = new AbortController();
    const shipment = new Shipment({
      async *read(cursor) {
        const from = cursor === undefined ? 0 : Number.parseInt(cursor.split("i=")[1] ?? "", 16) + 1;
        for (let n = from; n < count; n += 1) yield row(n);
        // It would go on following: here the rest of the test begins.
        ending.abort();
      },
      destination: {
        async send(events) {
          const gone = send(events, now);
          taken.push(...events.map(({ message }) => message));
          return gone;
        },
      },
      cursor: {
        load: async () => saved,
        save: async (cursor) => {
          saved = cursor;
        },
      },
      told: (failure) => void failures.push(failure),
      lost: (rows, why) => void lost.push([rows, why]),
      wait: async (ms) => {
        now += ms;
      },
    });
    const run = async () => await shipment.run(ending.signal);
    return { run, taken, failures, lost, passed: () => now, saved: () => saved };
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => `row ${n}`);
  const unavailable = () => Object.assign(new Error("no answer"), { name: "TimeoutError" });

  it("loses nothing in an outage of ten minutes, and tells nothing twice", async () => {
    const { run, taken, failures, passed, saved } = around(25_000, (_, now) => {
      if (now < 600_000) throw unavailable();
      return 0;
    });
    await run();
    assert.deepEqual(taken, numbers(25_000));
    assert.ok(passed() >= 600_000 && passed() < 700_000, `${passed()} ms`);
    assert.ok(failures.filter((one) => one === "no answer").length < 30, "it backs off");
    assert.equal(failures.at(-1), undefined);
    assert.equal(saved(), cursorOf(24_999));
  });

  it("goes on after a kill where the last taken batch ended", async () => {
    let sent = 0;
    const { run, taken, saved } = around(20_500, () => {
      sent += 1;
      if (sent === 2) throw Object.assign(new Error("killed"), { name: "TimeoutError" });
      return 0;
    });
    await run();
    assert.deepEqual(taken, numbers(20_500));
    assert.equal(saved(), cursorOf(20_499));
  });

  it("gives up a row that can never be taken, and no other", async () => {
    const { run, taken, lost } = around(100, (events) => {
      if (events.some(({ message }) => message === "row 57"))
        throw Object.assign(new Error("invalid"), { name: "InvalidParameterException" });
      return 0;
    });
    await run();
    assert.deepEqual(lost, [[1, "invalid"]]);
    assert.deepEqual(
      taken,
      numbers(100).filter((one) => one !== "row 57"),
    );
  });

  it("says how many were too old", async () => {
    const { run, lost } = around(10, () => 3);
    await run();
    assert.deepEqual(
      lost.map(([rows]) => rows),
      [3],
    );
    assert.equal(refused(10, {}), 0);
    assert.equal(refused(10, { tooOldLogEventEndIndex: 2, expiredLogEventEndIndex: 3 }), 3);
    assert.equal(refused(10, { tooNewLogEventStartIndex: 8, tooOldLogEventEndIndex: 1 }), 3);
  });

  it("does not ship again and again where its place cannot be saved", async () => {
    const ending = new AbortController();
    const taken: string[] = [];
    let readings = 0;
    await new Shipment({
      async *read(cursor) {
        readings += 1;
        if (readings === 3) ending.abort();
        if (cursor === undefined) yield row(1);
      },
      destination: { send: async (events) => taken.push(...events.map(({ message }) => message)) && 0 },
      cursor: { load: async () => undefined, save: async () => assert.fail("ENOSPC") },
      told: () => {},
      lost: () => {},
      wait: async () => {},
    }).run(ending.signal);
    assert.deepEqual(taken, ["row 1"]);
  });
});

describe("aws: what a machine says of its logs", () => {
  function state() {
    const [written, said, notices]: [string[], string[], string[]] = [[], [], []];
    const shipping = new ShippingState(["system", "audit"], "the groups", 0, {
      write: (text) => void written.push(text),
      say: (one) => void said.push(one),
      notice: (one) => void notices.push(one),
    });
    return { shipping, written, said, notices };
  }

  it("is that they are shipped, once both parts were taken", () => {
    const { shipping, written, said } = state();
    shipping.told("system", undefined, 1_000);
    assert.deepEqual(written, []);
    shipping.told("audit", undefined, 2_000);
    shipping.told("audit", undefined, 3_000);
    assert.deepEqual(written, [""]);
    assert.deepEqual(said, ["logs: shipped to the groups"]);
  });

  it("is why not, after three minutes, and that they are after all", () => {
    const { shipping, written, said, notices } = state();
    shipping.told("system", "access denied", 1_000);
    shipping.look(179_000);
    assert.deepEqual([written, notices], [[], []]);
    shipping.look(181_000);
    shipping.look(191_000);
    assert.deepEqual(written, ["access denied\n"]);
    assert.match(notices[0] ?? "", /NOTHING IS SHIPPED to CloudWatch Logs: access denied/);
    assert.equal(notices.length, 1);
    shipping.told("system", undefined, 200_000);
    shipping.told("audit", undefined, 200_000);
    assert.deepEqual(written, ["access denied\n", ""]);
    assert.match(said.at(-1) ?? "", /shipped to/);
  });

  it("is an outage of five minutes, with its end; the machine stays ready", () => {
    const { shipping, written, said } = state();
    for (const part of ["system", "audit"]) shipping.told(part, undefined, 0);
    shipping.told("system", "no answer", 10_000);
    shipping.told("system", "no answer", 309_000);
    assert.equal(said.length, 1);
    shipping.look(311_000);
    shipping.told("system", "no answer", 400_000);
    assert.match(said[1] ?? "", /nothing is taken for 5 minutes: no answer/);
    shipping.told("system", undefined, 500_000);
    assert.match(said[2] ?? "", /shipped again/);
    assert.equal(said.length, 3);
    assert.deepEqual(written, [""]);
  });
});

describe("aws: journalctl", () => {
  let folder: string;
  const path = process.env["PATH"];
  const calls = async () => (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-logs-"));
    process.env["PATH"] = `${folder}:${path}`;
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  });
  /** A journalctl that prints what is in the journal, and then, if it follows, one more row and nothing. */
  async function standIn(script: string): Promise<void> {
    await writeFile(join(folder, "journalctl"), `#!/bin/sh\necho "$*" >>'${folder}/calls'\n${script}\n`);
    await chmod(join(folder, "journalctl"), 0o755);
  }
  const printed = (n: number) =>
    `echo '${JSON.stringify({ __CURSOR: cursorOf(n), __REALTIME_TIMESTAMP: "1000", MESSAGE: `m${n}` })}'`;
  const system = { choose: [], plain: true, thisBoot: true };

  it("is read from the first line of the boot, then followed from the last row on", async () => {
    await standIn(`case "$*" in *--follow*) ${printed(2)}; exec sleep 60;; *) ${printed(1)};; esac`);
    const ending = new AbortController();
    const found: string[] = [];
    for await (const { event } of rowsOf(system, undefined, ending.signal)) {
      found.push(event.message);
      if (found.length === 2) ending.abort();
    }
    assert.deepEqual(found, ["m1", "m2"]);
    const [first = "", second = ""] = await calls();
    assert.match(first, /--boot$/);
    assert.doesNotMatch(first, /--follow/);
    assert.match(second, /--follow --no-tail --after-cursor=s=ab;i=1$/);
  });

  it("goes on after a cursor over boots, with the arguments that choose the part", async () => {
    await standIn(`case "$*" in *--follow*) exit 0;; esac; ${printed(8)}`);
    const part = { choose: ["--namespace=x", "_UID=0"], plain: true, thisBoot: false };
    await allOf(rowsOf(part, cursorOf(7), new AbortController().signal));
    assert.match((await calls())[0] ?? "", /--after-cursor=s=ab;i=7 --namespace=x _UID=0$/);
    assert.match((await calls())[1] ?? "", /--after-cursor=s=ab;i=8 --namespace=x _UID=0$/);
    // A cursor that is none is not handed over.
    await allOf(rowsOf(part, "rubbish", new AbortController().signal));
    assert.doesNotMatch((await calls())[2] ?? "", /cursor/);
  });

  it("may have nothing yet, and says what else is wrong", async () => {
    await standIn('echo "No such boot ID in journal" >&2; exit 1');
    assert.deepEqual(await allOf(rowsOf(system, undefined, new AbortController().signal)), []);
    await standIn('echo "Input/output error" >&2; exit 1');
    await assert.rejects(
      allOf(rowsOf(system, undefined, new AbortController().signal)),
      /ended with 1: Input\/output error/,
    );
  });
});

describe("aws: a stream of CloudWatch Logs", () => {
  let aws: StandInAws;
  beforeEach(async () => {
    aws = await StandInAws.start();
  });
  afterEach(async () => await aws.close());
  const stream = () =>
    logStream("/cloister/dev/system", "i-1", {
      region: "eu-central-1",
      endpoint: `http://127.0.0.1:${aws.port}`,
      credentials: {
        accessKeyId: "ASIASTANDIN000000000",
        secretAccessKey: "stand-in/secret+access+key",
        sessionToken: "stand-in-session-token==",
      },
      maxAttempts: 1,
    });
  const events = [{ timestamp: 1, message: "one" }];

  it("is made where it is missing, and only then; requests are signed", async () => {
    await stream().send(events);
    await stream().prepare();
    await stream().send(events);
    assert.deepEqual(aws.logs.get("/cloister/dev/system/i-1"), [...events, ...events]);
    assert.deepEqual(
      aws.calls.map(({ action, status }) => `${action} ${status}`),
      ["PutLogEvents 400", "CreateLogStream 200", "PutLogEvents 200", "CreateLogStream 400", "PutLogEvents 200"],
    );
    assert.deepEqual(aws.unsigned, []);
  });

  it("refuses with the API's own names", async () => {
    aws.logsRefused = "ServiceUnavailableException";
    await assert.rejects(stream().send(events), { name: "ServiceUnavailableException" });
    await assert.rejects(stream().prepare(), { name: "ServiceUnavailableException" });
  });
});
