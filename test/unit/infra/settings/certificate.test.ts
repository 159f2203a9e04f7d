import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { authoritiesText, authorityProblem } from "../../../../infra/settings/certificate.ts";
import { EXAMPLE_AUTHORITY } from "../../../../infra/settings/keys/machine.ts";
import { parseSettings } from "../../../../infra/settings/settings.ts";

describe("certificate authorities of the configuration", () => {
  let folder: string;
  let leaf: string;
  let key: string;

  before(async function () {
    if ((await execa("openssl", ["version"], { reject: false })).failed) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-authorities-"));
    const file = (name: string) => join(folder, name);
    const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10"];
    await execa("openssl", [
      ...[...make, "-keyout", file("key"), "-out", file("leaf"), "-subj", "/CN=leaf.example"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ]);
    leaf = await readFile(file("leaf"), "utf8");
    key = await readFile(file("key"), "utf8");
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true });
  });

  const problems = (...pems: string[]) => {
    const { problems: found } = parseSettings({ "cloister:certificateAuthorities": JSON.stringify(pems) });
    return found.map(({ path, message }) => `${path}: ${message}`);
  };

  it("are taken when they may sign others and are valid", () => {
    assert.deepEqual(problems(EXAMPLE_AUTHORITY), []);
    assert.equal(authorityProblem(`a comment\n${EXAMPLE_AUTHORITY}\nanother`), undefined);
  });

  it("are refused with their place in the list and the reason, all at once", () => {
    const found = problems(EXAMPLE_AUTHORITY, leaf, "rubbish", EXAMPLE_AUTHORITY.replace("MII", "MIX"));
    assert.equal(found.length, 3);
    assert.match(
      found[0] ?? "",
      /^cloister:certificateAuthorities\[1\]: \(CN=leaf\.example\) is no certificate authority/,
    );
    assert.match(found[1] ?? "", /^cloister:certificateAuthorities\[2\]: must be a certificate in PEM/);
    assert.match(found[2] ?? "", /^cloister:certificateAuthorities\[3\]: cannot be read as a certificate/);
  });

  it("are refused before and after their time", () => {
    assert.match(
      authorityProblem(EXAMPLE_AUTHORITY, new Date("2200-01-01")) ?? "",
      /Example authority\) expired on 21/,
    );
    assert.match(authorityProblem(EXAMPLE_AUTHORITY, new Date("2020-01-01")) ?? "", /is not valid before 20/);
  });

  it("are refused with a key beside them, which is not repeated", () => {
    const [found = ""] = problems(EXAMPLE_AUTHORITY + key);
    assert.match(found, /has a private key in it/);
    assert.ok(!found.includes(key.split("\n")[1]?.slice(0, 10) ?? "?"));
    const parsed = parseSettings({ "cloister:certificateAuthorities": JSON.stringify([key + EXAMPLE_AUTHORITY]) });
    assert.match(JSON.stringify(parsed.problems), /\(a private key\)/);
    assert.ok(!JSON.stringify(parsed.problems).includes(key.split("\n")[1]?.slice(0, 10) ?? "?"));
  });

  it("are one entry each", () => {
    assert.match(authorityProblem(EXAMPLE_AUTHORITY + EXAMPLE_AUTHORITY) ?? "", /holds 2 certificates/);
  });

  it("reach the machine without comments, each once", () => {
    assert.equal(authoritiesText([`# ours\n${EXAMPLE_AUTHORITY}`, EXAMPLE_AUTHORITY]), EXAMPLE_AUTHORITY);
  });
});
