import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { execa } from "execa";
import { type AuditOptions, showRows } from "../../../cli/commands/audit.ts";
import { type EgressDecision, NOT_ALLOWED } from "../../../guest/egress/decision.ts";
import { parsePolicy } from "../../../guest/egress/policy.ts";
import { explainRefused, parsePrivate } from "../../../guest/egress/private.ts";
import { remedyFor } from "../../../guest/egress/remedy.ts";

const row = (more: Partial<EgressDecision> = {}): EgressDecision => ({
  time: "2026-01-12T10:11:12.345Z",
  session: "work",
  host: "registry.npmjs.org",
  port: 443,
  via: "connect",
  verdict: "denied",
  reason: NOT_ALLOWED,
  ...more,
});

const allowed = row({ host: "github.com", verdict: "allowed", reason: "allowed by github.com:443 of github" });

const counted = {
  time: "2026-01-12T10:12:00.000Z",
  session: "work",
  verdict: "denied",
  counted: 44,
  since: "2026-01-12T10:11:30.000Z",
  hosts: [
    ["pypi.org:443", 40],
    ["169.254.169.254:80", 3],
  ],
  others: 1,
} as const;

async function show(lines: readonly unknown[], options: AuditOptions = {}, terminal?: { columns: number }) {
  const screen = Object.assign(new PassThrough(), terminal ? { isTTY: true, ...terminal } : {});
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  await showRows(Readable.from([`${text.join("\n")}\n`]), options, screen as unknown as NodeJS.WriteStream);
  return ((screen.read() as Buffer | null)?.toString() ?? "").split("\n").slice(0, -1);
}

const ESCAPE = "\u001b";

describe("cloister audit", () => {
  it("shows each row with the option that would have allowed it, as fields for a program", async () => {
    assert.deepEqual(await show([allowed, row(), row({ host: "2606:4700::1111", port: 8443 })]), [
      "2026-01-12T10:11:12Z\twork\tallowed\tconnect\tgithub.com:443\tallowed by github.com:443 of github\t",
      `2026-01-12T10:11:12Z\twork\tdenied\tconnect\tregistry.npmjs.org:443\t${NOT_ALLOWED}\t--allow npm`,
      `2026-01-12T10:11:12Z\twork\tdenied\tconnect\t2606:4700::1111:8443\t${NOT_ALLOWED}\t--allow '[2606:4700::1111]:8443'`,
    ]);
  });

  it("names the exception for a host of a private network, as parsePrivate takes it", () => {
    const reason = explainRefused("registry.corp.example", ["10.20.0.7"], "resolved to a private address");
    const remedy = remedyFor(row({ host: "registry.corp.example", reason })) ?? "";
    assert.equal(remedy, "--allow-private registry.corp.example=10.20.0.7/32");
    assert.deepEqual(parsePrivate([remedy.split(" ")[1] ?? ""]).problems, []);
    // A metadata service has no exception, by whatever name; and a reason about another host is not believed.
    const metadata = explainRefused("x.example", ["169.254.169.254"], "resolved to a link-local address");
    assert.equal(remedyFor(row({ host: "x.example", reason: metadata })), undefined);
    assert.equal(remedyFor(row({ host: "other.example", reason })), undefined);
  });

  it("counts what was not written one by one, and names only what can be allowed", async () => {
    const [line = ""] = await show([counted]);
    assert.match(line, /\tdenied\t-\t44 requests\tsince 2026-01-12T10:11:30.000Z: pypi\.org:443 \(40\), 169/);
    assert.match(line, /others \(1\)\t--allow pypi$/);
    assert.ok(parsePolicy(["pypi"]).policy);
  });

  it("never names an entry that would allow more than the host that was asked for", async () => {
    for (const host of ["*.example.com", "a.example,b.example", "x.example --allow y", "$(id).example"]) {
      assert.equal(remedyFor(row({ host })), undefined, host);
      const [line = ""] = await show([row({ host })]);
      assert.ok(line.endsWith("; no entry can allow it\t"), line);
    }
  });

  it("lets no session write to the terminal: not by host, path, method or reason", async () => {
    const evil = "\u001b]0;x\u0007\n\u202e\tz\u009b31m";
    const hostile = row({ host: evil, path: evil, method: evil, reason: evil, session: evil, time: evil });
    for (const terminal of [undefined, { columns: 400 }]) {
      const lines = await show([hostile, { ...counted, hosts: [[evil, 1]] }], {}, terminal);
      assert.equal(lines.length, 2, "one line a row");
      // Our own colours are all that may be there.
      const text = lines.join("").replace(new RegExp(`${ESCAPE}\\[\\d+m`, "g"), "");
      assert.doesNotMatch(text.replaceAll("\t", ""), /[\p{Cc}\p{Cf}]/u);
      assert.equal(lines[0]?.split("\t").length, terminal ? 1 : 7);
    }
  });

  it("fits a terminal, colours the verdict there, and never cuts the remedy", async () => {
    for (const columns of [60, 100, 130, 300]) {
      const lines = await show([allowed, row({ reason: NOT_ALLOWED })], {}, { columns });
      assert.match(lines.join("\n"), /--allow npm/);
      assert.equal(lines.length, columns >= 130 ? 2 : 3, `${columns}`);
      assert.ok(lines.join("\n").includes(`${ESCAPE}[31mdenied`));
    }
  });

  it("shows only what was denied, or one session's", async () => {
    const other = row({ session: "other" });
    assert.equal((await show([allowed, row(), other], { denied: true })).length, 2);
    assert.equal((await show([allowed, row(), other], { session: "work" })).length, 2);
  });

  it("prints one JSON object a line, with the remedy beside the row", async () => {
    const [first, second, third] = (await show([row(), allowed, "no row"], { json: true })).map((line) =>
      JSON.parse(line),
    );
    assert.deepEqual(first, { ...row(), howToAllow: "--allow npm" });
    assert.deepEqual([second, third], [allowed, undefined]);
  });

  describe("of a container", function () {
    this.timeout(60_000);
    this.slow(10_000);
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-audit-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    const main = join(import.meta.dirname, "../../../cli/container/main.ts");
    const run = (...words: string[]) =>
      execa(process.execPath, ["--import", "tsx", main, "audit", folder, ...words], { reject: false });

    it("reads the folder that a run left, and follows it", async () => {
      await writeFile(join(folder, "audit.jsonl"), `${JSON.stringify(allowed)}\n${JSON.stringify(row())}\n`);
      const following = run("--denied", "--follow");
      const seen: string[] = [];
      for await (const line of following.iterable()) {
        seen.push(line);
        if (seen.length === 1) await appendFile(join(folder, "audit.jsonl"), `${JSON.stringify(counted)}\n`);
        else following.kill("SIGTERM");
      }
      assert.equal((await following).exitCode, 0);
      assert.match(seen[0] ?? "", /\t--allow npm$/);
      assert.match(seen[1] ?? "", /\t--allow pypi$/);
    });

    it("says so when there is none, or when the session's name can be none", async () => {
      const [none, wrong] = await Promise.all([run(), run("--session", "No Name")]);
      assert.equal(none.exitCode, 1);
      assert.match(none.stderr, /no audit log in .*Name the folder that run --audit named/);
      assert.equal(wrong.exitCode, 2);
      assert.match(wrong.stderr, /CLOISTER_E_NAME/);
    });
  });
});
