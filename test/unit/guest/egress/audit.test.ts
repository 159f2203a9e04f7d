import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { journal } from "../../../../guest/egress/audit.ts";
import type { EgressDecision } from "../../../../guest/egress/decision.ts";

const ROW: EgressDecision = {
  time: "2026-01-12T09:30:01.123Z",
  session: "brave-loving-maxwell",
  host: "example.com",
  port: 443,
  via: "connect",
  verdict: "denied",
  reason: "not on the allow list",
};

describe("the audit log", () => {
  let folder: string;
  const path = process.env["PATH"];

  /** Puts a stand-in for systemd-cat first on PATH: this computer may have no journal. */
  async function standIn(script: string) {
    await writeFile(join(folder, "systemd-cat"), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, "systemd-cat"), 0o755);
    process.env["PATH"] = `${folder}${delimiter}${path}`;
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-audit-"));
  });

  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true });
  });

  it("hands every row to the journal as one line of JSON, under its identifier", async () => {
    await standIn(`echo "$@" > ${folder}/args; cat > ${folder}/rows`);
    const problems: string[] = [];
    const log = journal((line) => problems.push(line));
    for (let port = 0; port < 500; port++) log.write({ ...ROW, port });
    await log.close();
    const rows = (await readFile(join(folder, "rows"), "utf8")).trimEnd().split("\n");
    assert.deepEqual(
      rows.map((row) => JSON.parse(row) as EgressDecision),
      Array.from({ length: 500 }, (_, port) => ({ ...ROW, port })),
    );
    assert.match(await readFile(join(folder, "args"), "utf8"), /^--identifier=cloister-egress --priority=info cat$/m);
    assert.deepEqual(problems, []);
  });

  it("starts nothing for a session that asks for nothing", async () => {
    await standIn(`touch ${folder}/started`);
    await journal(assert.fail).close();
    await assert.rejects(readFile(join(folder, "started")));
  });

  it("says once that rows are lost, and goes on", async () => {
    await standIn("exit 3");
    const problems: string[] = [];
    const log = journal((line) => problems.push(line));
    for (let i = 0; i < 50; i++) log.write(ROW);
    await log.close();
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /^the audit log of the network could not be written: /);
  });
});
