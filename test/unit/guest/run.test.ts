import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../../guest/run/command.ts";
import { describeOnCommandLine } from "../../../guest/run/options.ts";
import { runSealed } from "../../../guest/run/run.ts";
import { RunRefused } from "../../../guest/sessions/request.ts";

describe("a request that cannot be run", () => {
  it("is refused with every problem in one round, and nothing is made", async () => {
    const refused = await runSealed({
      command: [],
      name: "No Name",
      allow: ["*", "169.254.169.254"],
      mounts: [{ source: "/etc", name: "etc", mode: "rw" }],
      environment: { "a b": "x" },
      cwd: "",
      timeoutMs: 0,
    }).then(
      () => assert.fail("it ran"),
      (error: unknown) => error,
    );
    assert.ok(refused instanceof RunRefused);
    for (const problem of [
      "there is none: write it after --",
      '--name "No Name": write lower-case letters',
      '--allow "*": not a host (a whole top-level domain is too much)',
      '--allow "169.254.169.254": 169.254.169.254 (link-local, with the metadata services) is never reachable',
      '--mount "/etc:etc:rw": /etc belongs to the machine',
      '--env "a b": not a variable\'s name',
      '--cwd "": write a path inside the session',
      '--timeout "0": it must be above 0',
      "/etc/cloister/machine.json",
    ]) {
      const lines = refused.problems.map(describeOnCommandLine);
      assert.ok(
        lines.some((text) => text.includes(problem)),
        `${problem} is not in\n${lines.join("\n")}`,
      );
    }
  });
});

describe("a command", () => {
  it("gives back both outputs and the exit code", async () => {
    const command = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    assert.deepEqual(
      await runCommand({ command, stdio: "capture", kill: async () => {}, outOfMemoryKills: async () => 0 }),
      {
        exitCode: 3,
        stdout: "out\n",
        stderr: "err\n",
      },
    );
  });

  it("is told apart when it was killed for want of memory", async () => {
    const run = { command: ["sh", "-c", "kill -KILL $$"], stdio: "capture", kill: async () => {} } as const;
    const killed = await runCommand({ ...run, outOfMemoryKills: async () => 3 });
    assert.deepEqual([killed.exitCode, killed.unitResult], [137, "oom-kill"]);
    const other = await runCommand({ ...run, outOfMemoryKills: async () => 0 });
    assert.deepEqual([other.exitCode, other.unitResult], [137, undefined]);
  });

  it("is killed when its time is over, and waited for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-run-"));
    const pid = join(folder, "pid");
    const output = await runCommand({
      command: ["sh", "-c", `trap "exit 9" TERM; echo $$ > ${pid}; while :; do sleep 0.05; done`],
      stdio: "capture",
      timeoutMs: 500,
      outOfMemoryKills: async () => 0,
      // On a machine: the scope's cgroup.kill.
      kill: async () => {
        const shell = Number(await readFile(pid, "utf8"));
        assert.ok(shell > 1);
        process.kill(shell, "SIGTERM");
      },
    });
    assert.deepEqual([output.exitCode, output.unitResult], [124, "timeout"]);
    await rm(folder, { recursive: true });
  });

  it("is over when its chain is, also while something that was left behind holds its outputs", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-lingering-"));
    const file = join(folder, "pid");
    let killed = false;
    const output = await runCommand({
      command: ["sh", "-c", `sleep 60 & echo $! > ${file}`],
      stdio: "capture",
      outOfMemoryKills: async () => 0,
      kill: async () => {
        killed = true;
        process.kill(Number(await readFile(file, "utf8")), "SIGKILL");
      },
    });
    assert.deepEqual([output.exitCode, killed], [0, true]);
    await rm(folder, { recursive: true });
  });
});
