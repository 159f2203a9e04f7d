import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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

/** A process that runs a command with its own standard files. */
function passing(command: readonly string[], timeoutMs = 60_000): string[] {
  const program = `import { runCommand } from ${JSON.stringify(new URL("../../../guest/run/command.ts", import.meta.url))};
    try {
      const { exitCode } = await runCommand({ command: JSON.parse(process.argv[1]), stdio: "inherit",
        timeoutMs: Number(process.argv[2]), kill: async () => { throw new Error("no scope"); }, outOfMemoryKills: async () => 0 });
      process.exitCode = exitCode;
    } catch (error) {
      console.error(error.code, error.message);
      process.exitCode = 125;
    }`;
  const node = [process.execPath, ...process.execArgv, "--input-type=module", "-e", program];
  return [...node, JSON.stringify(command), `${timeoutMs}`];
}

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

  it("gets no file that the caller writes to, and no folder: what it writes is passed on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-run-"));
    const log = join(folder, "log");
    await writeFile(log, "from before\n");
    const attack = `
import os, sys
for fd in (1, 2):
    try:
        os.ftruncate(fd, 0)
    except OSError as error:
        print("truncate", error.errno, flush=True)
os.write(1, b"x" * 300000 + b"\\n")
print("err", file=sys.stderr)
sys.exit(5)`;
    // Python does not start in front of a folder.
    const python = ["sh", "-c", 'readlink /proc/self/fd/0; exec python3 -c "$0" < /dev/null', attack];
    const [standardInput, output] = [openSync(folder, "r"), openSync(log, "a")];
    const start = ([program = "", ...words]: readonly string[]) =>
      spawnSync(program, words, { stdio: [standardInput, output, output] }).status;
    assert.equal(start(passing(python)), 5);
    assert.match(
      await readFile(log, "utf8"),
      /^from before\n\/dev\/null\ntruncate 22\ntruncate 22\nx{300000}\nerr\n$/,
      "in the order in which it was written",
    );
    const control = spawnSync("sh", ["-c", "readlink /proc/self/fd/0"], { stdio: [standardInput, "pipe", "pipe"] });
    assert.equal(`${control.stdout}`, `${folder}\n`, "control: a folder can be a standard input");
    const ended = start(python);
    assert.match(
      await readFile(log, "utf8"),
      /^x{300000}\nerr\n$/,
      `control: with the descriptors it succeeds (${ended})`,
    );
    for (const fd of [standardInput, output]) closeSync(fd);
    await rm(folder, { recursive: true });
  }).timeout(60_000);

  it("gets a standard input that is open for writing by a pipe, from where it is now", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-run-"));
    const input = join(folder, "input");
    await writeFile(input, "one\ntwo\n");
    const cut = ["python3", "-c", "import os; print(os.read(0, 99)); os.ftruncate(0, 0)"];
    // Its caller has read four bytes.
    const fed = (command: readonly string[], how = "<>") =>
      `${spawnSync("bash", ["-c", `exec 0${how}"$0"; [ "${how}" = '>>' ] || head -c 4; exec "$@"`, input, ...command]).stdout}`;
    assert.equal(fed(passing(cut)), "one\nb'two\\n'\n");
    assert.equal(await readFile(input, "utf8"), "one\ntwo\n");
    assert.equal(fed(passing(["cat"]), ">>"), "", "one that is open for writing alone is not read");
    fed(cut);
    assert.equal(await readFile(input, "utf8"), "", "control: a standard input that is open for writing can be cut");
    await rm(folder, { recursive: true });
  }).timeout(60_000);

  it("has its outputs in one file line by line, as it wrote them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-run-"));
    const log = join(folder, "log");
    const script = "for i in $(seq 200); do echo out $i; echo err $i >&2; done";
    const logged = async (command: readonly string[], redirection: string) => {
      spawnSync("bash", ["-c", `"$@" ${redirection}`, log, ...command]);
      return await readFile(log, "utf8");
    };
    const control = await logged(["sh", "-c", script], '> "$0" 2>&1');
    assert.equal(control.split("\n").length, 401);
    assert.equal(await logged(passing(["sh", "-c", script]), '> "$0" 2>&1'), control);
    await rm(log);
    assert.equal(await logged(passing(["sh", "-c", script]), '2>&1 >> "$0"'), control.replace(/err.*\n/g, ""));
    await rm(folder, { recursive: true });
  }).timeout(60_000);

  it("is waited for, and ends at its time, where its output cannot be passed on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-run-"));
    const writing = (limit: string, end: string) => {
      // The limit is this process's alone: the command's output is a pipe.
      const command = ["sh", "-c", `head -c 300000 /dev/zero; ${end}`];
      const words = ["-c", `${limit}; exec "$@" > "$0"`, join(folder, "log"), ...passing(command, 2_000)];
      const { status, stderr } = spawnSync("bash", words);
      return { status, told: `${stderr}` };
    };
    const limit = "trap '' XFSZ; ulimit -f 100";
    const lost = writing(limit, "sleep 0.5; exit 3");
    assert.match(
      lost.told,
      /CLOISTER_E_OUTPUT_LOST the command's output could not be passed on: EFBIG.*It ended with 3/,
    );
    const late = writing(limit, "exec sleep 30");
    assert.match(late.told, /It ended with 124/);
    assert.deepEqual(writing(":", "sleep 0.5; exit 3"), { status: 3, told: "" }, "control: with room");
    await rm(folder, { recursive: true });
  }).timeout(60_000);

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
