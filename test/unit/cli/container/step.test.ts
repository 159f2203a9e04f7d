import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ciStep } from "../../../../cli/container/ci/step.ts";
import { denial } from "../../../support/denial.ts";
import { PODMAN } from "../../../support/podman-host.ts";

/** A program of the name podman stands in for the engine, and leaves an audit log as a container does. */
describe("the record of a CI step", () => {
  const path = process.env["PATH"];
  let folder: string;
  const host = PODMAN;
  const WHOLE = JSON.stringify({ session: "a-b-c", whole: true });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-step-test-"));
    process.env["PATH"] = `${folder}:${path}`;
    await mkdir(join(folder, "work"), { mode: 0o755 });
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  });

  const text = (name: string) => readFile(join(folder, name), "utf8").catch(() => "");
  /** Runs a step whose session leaves this log and this code. */
  async function step(
    { log, code = 0, more = "" }: { log?: readonly string[]; code?: number; more?: string },
    env = {},
  ) {
    if (log !== undefined) await writeFile(join(folder, "log"), `${log.join("\n")}\n`);
    await writeFile(
      join(folder, "podman"),
      `#!/bin/sh
case " $* " in *" check "*) exit 0 ;; esac
audit=$(printf '%s\\n' "$@" | sed -n 's/^--volume=\\(.*\\):\\/audit$/\\1/p')
${log === undefined ? "" : `cp ${folder}/log "$audit/audit.jsonl"`}
${more}
exit ${code}
`,
      { mode: 0o755 },
    );
    const said: string[] = [];
    const exitCode = await ciStep(
      {
        CLOISTER_CI_COMMAND: "true",
        CLOISTER_CI_MODE: "ro",
        CLOISTER_CI_FOLDER: join(folder, "work"),
        CLOISTER_CI_RESULTS: join(folder, "results"),
        GITHUB_OUTPUT: join(folder, "output"),
        GITHUB_STEP_SUMMARY: join(folder, "summary"),
        ...env,
      },
      { say: (line) => void said.push(line), prepare: async () => ({ host, image: "i" }) },
    );
    const output = Object.fromEntries(
      (await text("output"))
        .trim()
        .split("\n")
        .map((line) => line.split("=", 2)),
    );
    return { exitCode, output, said: said.join("\n"), summary: await text("summary") };
  }

  it("is whole where the log says so: the control", async () => {
    const { exitCode, output, summary } = await step({ log: [JSON.stringify(denial("one.example")), WHOLE], code: 7 });
    assert.deepEqual([exitCode, output["exit-code"], output["results"]], [7, "7", join(folder, "results")]);
    assert.doesNotMatch(summary, /not whole/);
    assert.match(summary, /one\.example/);
  });

  it("is not whole without a closing row, and the step ends with 125, as its output says", async () => {
    for (const code of [0, 137]) {
      await rm(join(folder, "output"), { force: true });
      const { exitCode, output, summary, said } = await step({ log: [JSON.stringify(denial("one.example"))], code });
      assert.deepEqual([exitCode, output["exit-code"]], [125, "125"], `${code}`);
      assert.match(summary, /The audit log is not whole/);
      assert.match(said, /it has no end/);
    }
  });

  it("is not whole without a log; a request that the container refused has none", async () => {
    assert.equal((await step({})).exitCode, 125);
    await rm(join(folder, "summary"));
    const refused = await step({ code: 2 });
    assert.equal(refused.exitCode, 2);
    assert.doesNotMatch(refused.summary, /not whole/);
  });

  it("names the hosts whose requests were only counted", async () => {
    const row = (hosts: unknown, others: number) =>
      JSON.stringify({ session: "a-b-c", verdict: "denied", counted: 5, hosts, others, time: "", since: "" });
    const log = [
      row([["a.example:443", 5]], 0),
      row(
        [
          ["a.example:443", 1],
          ["b`.example:80", 2],
        ],
        2,
      ),
      WHOLE,
    ];
    const { exitCode, summary } = await step({ log });
    assert.equal(exitCode, 0);
    assert.match(
      summary,
      /10 denied requests more\*\*\n\n- `a\.example:443`, 6 times\n- `b\?\.example:80`, 2 times\n- \(2 to/,
    );
    assert.doesNotMatch(summary, /asked nothing/);
  });

  it("ends with the code that its output has where the summary cannot be kept", async () => {
    const { exitCode, output } = await step({ log: [WHOLE] }, { GITHUB_STEP_SUMMARY: "/dev/full" });
    assert.deepEqual([exitCode, output["exit-code"]], [125, "125"]);
  });

  it("tells of a folder for results that cannot be used in the runner's files", async () => {
    await mkdir(join(folder, "results"));
    await writeFile(join(folder, "results/.lock"), "");
    await writeFile(join(folder, "file"), "");
    for (const results of ["results", "file/below"]) {
      for (const name of ["output", "summary"]) await rm(join(folder, name), { force: true });
      const { exitCode, output, summary } = await step({}, { CLOISTER_CI_RESULTS: join(folder, results) });
      assert.deepEqual([exitCode, output["exit-code"]], [2, "2"], results);
      assert.match(summary, /not run\n\n- `/);
    }
  }).timeout(60_000);

  it("ends with 125 where the folder for results is no longer its own", async () => {
    const more = `rm -r ${folder}/results/.lock; sleep 4`;
    const { exitCode, output, said } = await step({ log: [WHOLE], code: 7, more });
    assert.deepEqual([exitCode, output["exit-code"]], [125, "125"]);
    assert.match(said, /no longer this step's alone/);
  }).timeout(60_000);
});
