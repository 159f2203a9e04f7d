import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { learnPolicy } from "../../../cli/commands/policy.ts";
import { checkLearning, learnedPolicy, readResult, writeLearned } from "../../../cli/policy/learn.ts";
import { askedOf } from "../../../guest/egress/asked.ts";
import { readPolicy } from "../../../guest/policy/read.ts";
import type { SealedRun } from "../../../guest/run/request.ts";
import { denial as row } from "../../support/denial.ts";

/** Names that a session could choose to write into a file, or onto a terminal. */
const HOSTILE = [
  "x\n  - evil.example",
  "#",
  "*.com",
  "evil.example # ok",
  '"',
  "\u001b[2J",
  "$" + "{{x}}",
  "a`b`",
  "169.254.169.254",
];

describe("a learned policy", () => {
  const asked = askedOf([
    row("registry.npmjs.org"),
    row("EXAMPLE.com", 8443),
    row("example.com", 8443),
    row("2606:4700::1111"),
    ...HOSTILE.map((host) => row(host)),
    row("fine.example", 443, { verdict: "allowed", reason: "fine.example" }),
    row("model.example", 80, { via: "model", verdict: "allowed" }),
  ]);
  const text = learnedPolicy(asked, {
    mounts: [{ name: "site", source: "/a: b #c", mode: "rw" }],
    environment: { TOKEN: "secret" },
  });

  it("has what was asked for, commented out, and allows nothing until it is reviewed", () => {
    const entries = [...text.matchAll(/^ {2}# - "(.*)" # asked (.*)$/gm)].map(([, entry, times]) => [entry, times]);
    assert.deepEqual(entries, [
      ["npm", "once"],
      ["example.com:8443", "2 times"],
      ["[2606:4700::1111]:443", "once"],
    ]);
    const before = readPolicy(text, { folder: "/" });
    assert.deepEqual([before.problems, before.run?.allow], [[], []]);
    const after = readPolicy(text.replaceAll('  # - "', '  - "'), { folder: "/" });
    assert.deepEqual(after.run?.allow, ["npm", "example.com:8443", "[2606:4700::1111]:443"], "the control");
    assert.deepEqual(after.run?.mount, ["/a: b #c:site:rw"]);
    assert.ok(!text.includes("secret"));
  });

  it("has no text that a session chose, but hosts", () => {
    for (const host of HOSTILE) assert.ok(host === "#" || host === '"' || !text.includes(host), JSON.stringify(host));
    assert.equal(asked.unusable.length, HOSTILE.length, "the control: they were asked for");
    for (const { text: shown } of asked.unusable) assert.match(shown, /^[\x20-\x7e]*$/);
    assert.deepEqual(asked.allowed, [{ entry: "fine.example:443", times: 1 }]);
    assert.equal(asked.model, 1);
  });

  it("comes from a run to which every host was denied, and never replaces a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-learn-"));
    try {
      const file = join(folder, "p.yaml");
      const result = { exitCode: 6, stdout: "", stderr: "", decisions: [row("example.com")] };
      let ran: SealedRun | undefined;
      const run: SealedRun = { command: ["x"], allow: ["npm"], allowPrivate: ["npm=10.0.0.0/8"] };
      const exec = async (given: SealedRun) => {
        ran = given;
        return { exitCode: 6, stdout: `${JSON.stringify(result)}\n`, stderr: "" };
      };
      assert.equal(await learnPolicy(run, file, exec), 0);
      assert.deepEqual(ran, { command: ["x"] });
      assert.match(await readFile(file, "utf8"), /# - "example\.com:443" # asked once/);
      await writeFile(file, "mine");
      await assert.rejects(writeLearned(file, text), /never overwritten/);
      assert.equal(await readFile(file, "utf8"), "mine");
      assert.throws(() => readResult(125, "no json"), /did not run \(exit code 125\)/);
      const none = { allow: [], mount: [], env: [] };
      assert.throws(() => checkLearning({ ...none, allow: ["npm"], json: true }), /leave out --allow, --json/);
      checkLearning(none);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
