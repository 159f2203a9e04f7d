import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { shellQuoted } from "../../../infra/local/ssh.ts";
import type { EngineProject } from "../../../rehearsal/engine.ts";

/** The suite's own ways to the machine. */
export interface Machine {
  readonly engine: () => EngineProject;
  /** Runs a command on it as root, without the operator's command. */
  readonly onMachine: (...command: string[]) => Promise<{ readonly exitCode?: number | undefined }>;
}

/** The operator's command, as a user of the stack calls it. */
export function operatorOf(engine: () => EngineProject) {
  const start = (args: readonly string[], input: Buffer | "" = "") =>
    execa("node", ["cli/bin.mjs", "--stack", engine().stack, ...args], {
      cwd: engine().folder,
      env: engine().env,
      reject: false,
      encoding: "buffer",
      input,
    });
  const cloister = async (args: readonly string[], input?: Buffer) => {
    const { exitCode, stdout, stderr } = await start(args, input);
    return { exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr).toString() };
  };
  return { start, cloister };
}

/**
 * What the operator's command does with a real machine that is up. Tests of the suite that brought it up: they stand among
 * its own, not in a suite below, which would run when the machine is gone.
 */
export function operatorCases({ engine, onMachine }: Machine): void {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-operator-vm-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const { start, cloister } = operatorOf(engine);

  it("by the operator's command, is listed as verified, by its own word", async () => {
    const [machine] = JSON.parse((await cloister(["ls", "--ask", "--json"])).stdout.toString());
    assert.equal(machine.state, "running");
    assert.equal(machine.verification.verdict, "passed");
    assert.match(machine.verification.by, /it says, of this boot/);
  });

  it("by the operator's command, runs a sealed command: words, both outputs, exit code", async () => {
    const words = ["two words", "it's", "$(id)", "-x", "--", "new\nline", "Grüße", ""];
    const script = 'printf "%s\\0" "$@"; echo err >&2; exit 7';
    const { exitCode, stdout, stderr } = await cloister(["run", "--", "sh", "-c", script, "sh", ...words]);
    assert.equal(exitCode, 7, stderr);
    assert.deepEqual(stdout.toString().split("\0").slice(0, -1), words);
    assert.match(stderr, /^err$/m);
  });

  it("by the operator's command, hears of a refused request what the command says of it, and no more", async () => {
    const { stderr } = await cloister(["run", "--", "curl", "-sS", "https://denied.example/"]);
    assert.match(
      stderr,
      /^curl: [^\n]*403[^\n]*\ncloister: denied by [^\n]*: denied\.example:443[^\n]*\ncloister: to allow it, add: --allow denied\.example:443\n?$/,
    );
  });

  it("by the operator's command, has a variable's value in no command line of the machine", async () => {
    const secret = `value-${randomBytes(12).toString("hex")}`;
    const running = start(["run", "--env", `TOKEN=${secret}`, "--", "sh", "-c", 'echo "$TOKEN"; sleep 4322']);
    const begun = new Promise<string>((resolve) =>
      running.stdout?.once("data", (data: Buffer) => resolve(String(data))),
    );
    const first = await Promise.race([begun, running.then(({ stderr }) => Buffer.from(stderr).toString())]);
    assert.equal(first, `${secret}\n`, "the control: the command has it");
    // Brackets, so that the words of who looks are none that is found.
    const hidden = (text: string) => `[${text.slice(0, 1)}]${text.slice(1)}`;
    const found = async (text: string) => (await onMachine("pgrep", "-f", hidden(text))).exitCode === 0;
    assert.ok(await found("sleep 4322"), "the control: command lines are searched");
    assert.ok(!(await found(secret)));
    running.kill("SIGINT");
    assert.equal((await running).exitCode, 130);
  });

  it("by the operator's command, has kept sessions: a second command, the list, removal, a folder of the home", async () => {
    const run = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await cloister(args);
      assert.equal(exitCode, 0, stderr);
      return stdout.toString();
    };
    await run("run", "--name", "kept-here", "--", "sh", "-c", "mkdir sub && echo note > sub/note");
    assert.equal(await run("run", "--name", "kept-here", "--cwd", "sub", "--", "cat", "note"), "note");
    const names = async () =>
      (JSON.parse(await run("sessions", "ls", "--json")) as { name: string }[]).map(({ name }) => name);
    assert.ok((await names()).includes("kept-here"));
    await run("sessions", "rm", "kept-here");
    assert.ok(!(await names()).includes("kept-here"));
    const again = await cloister(["sessions", "rm", "kept-here"]);
    assert.equal(again.exitCode, 125);
    assert.match(again.stderr, /there is no session kept-here.*\[CLOISTER_E_SESSION_UNKNOWN\]/);
  });

  it("by the operator's command, says how to allow what was denied", async () => {
    const { stderr } = await cloister(["run", "--", "curl", "-sS", "https://registry.npmjs.org/"]);
    assert.match(stderr, /^cloister: to allow it, add: --allow npm$/m);
  });

  it("by the operator's command, shows what a session was denied, with the option beside it", async () => {
    await cloister(["run", "--name", "asker", "--", "curl", "-sS", "https://denied.example/"]);
    const { exitCode, stdout, stderr } = await cloister(["audit", "--session", "asker", "--denied"]);
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout.toString(),
      /^\S+Z\tasker\tdenied\tconnect\tdenied\.example:443\t.*\t--allow denied\.example:443$/m,
    );
    const none = await cloister(["audit", "--session", "never-there"]);
    assert.deepEqual([none.exitCode, none.stdout.toString()], [0, ""], none.stderr);
    await cloister(["sessions", "rm", "asker"]);
  });

  it("by the operator's command, carries a sealed command's input and output byte for byte", async () => {
    const data = randomBytes(2_000_000);
    const { exitCode, stdout, stderr } = await cloister(["run", "--", "cat"], data);
    assert.equal(exitCode, 0, stderr);
    const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    assert.equal(digest(stdout), digest(data));
  });

  it("by the operator's command, ends a sealed command at a Ctrl-C, and leaves nothing of it", async () => {
    const running = start(["run", "--", "sh", "-c", "echo begun; sleep 4321"]);
    const begun = new Promise<void>((resolve) => running.stdout?.once("data", () => resolve()));
    const early = await Promise.race([begun, running]);
    assert.ok(!early, `it ended before it said anything: ${Buffer.from(early?.stderr ?? "").toString()}`);
    const left = async () => (await onMachine("pgrep", "-f", "^sleep 4321")).exitCode;
    assert.equal(await left(), 0, "the control: it runs");
    running.kill("SIGINT");
    assert.equal((await running).exitCode, 130);
    assert.equal(await left(), 1);
  });

  it("by the operator's command, copies a folder there and back", async () => {
    const tree = join(folder, "a tree");
    await mkdir(join(tree, "sub"), { recursive: true });
    await writeFile(join(tree, "sub", "it's $(id)"), randomBytes(100_000));
    for (const [from, to] of [
      [tree, ":"],
      [":a tree", join(folder, "back")],
    ] as const) {
      const { exitCode, stderr } = await cloister(["cp", from, to]);
      assert.equal(exitCode, 0, stderr);
    }
    const [first, second] = await Promise.all(
      [tree, join(folder, "back")].map((root) => readFile(join(root, "sub", "it's $(id)"))),
    );
    assert.ok(first?.equals(second ?? Buffer.alloc(0)));
    const there = await cloister(["cp", tree, ":/sessions/folders/"]);
    assert.equal(there.exitCode, 0, there.stderr);
    const mounted = await cloister(["run", "--mount", "/sessions/folders/a tree:tree:ro", "--", "ls", "mnt/tree/sub"]);
    assert.equal(mounted.stdout.toString(), "it's $(id)", mounted.stderr);
    const denied = await cloister(["cp", ":/etc/shadow", folder]);
    assert.equal(denied.exitCode, 1);
    assert.match(denied.stderr, /Permission denied/);
    assert.equal((await cloister(["cp", "--root", ":/etc/shadow", folder])).exitCode, 0, "the control: root may");
  });

  it("by the operator's command, copies a folder again, over files that may not be written", async () => {
    const tree = join(folder, "again");
    await mkdir(join(tree, "objects"), { recursive: true });
    for (const round of ["one", "two"]) {
      await rm(join(tree, "objects", "closed"), { force: true });
      await writeFile(join(tree, "objects", "closed"), round, { mode: 0o444 });
      const { exitCode, stderr } = await cloister(["cp", tree, ":"]);
      assert.equal(exitCode, 0, stderr);
    }
    const back = await cloister(["cp", ":again/objects/closed", join(folder, "again-back")]);
    assert.equal(back.exitCode, 0, back.stderr);
    assert.equal(await readFile(join(folder, "again-back"), "utf8"), "two");
    assert.equal((await stat(join(folder, "again-back"))).mode & 0o777, 0o444);
  });

  it("by the operator's command, follows no link of a session's in either direction, and carries no set-id bit", async () => {
    const [shown, kept] = [join(folder, "shown"), join(folder, "kept")];
    await mkdir(join(shown, "sub"), { recursive: true });
    await mkdir(kept);
    await writeFile(join(shown, "sub", "canary"), "overwritten");
    await writeFile(join(kept, "canary"), "alive");
    for (const tree of [shown, kept]) assert.equal((await cloister(["cp", tree, ":/sessions/folders/"])).exitCode, 0);
    const plant =
      "cd mnt/shown && rm -r sub && ln -s /sessions/folders/kept sub && ln -s /sessions/folders/kept/canary planted";
    const planted = await cloister(["run", "--mount", "/sessions/folders/shown:shown:rwd", "--", "sh", "-c", plant]);
    assert.equal(planted.exitCode, 0, planted.stderr);
    const says = async (script: string) => (await onMachine("sh", "-c", `cd /sessions/folders && ${script}`)).exitCode;
    assert.equal(await says('test "$(cat shown/sub/canary)" = alive'), 0, "the control: a path follows the link");

    const through = await cloister(["cp", join(shown, "sub", "canary"), ":/sessions/folders/shown/planted"]);
    assert.equal(through.exitCode, 1);
    assert.match(through.stderr, /leads through a link \(planted, to .*\), which a session may have made/);
    const over = await cloister(["cp", shown, ":/sessions/folders/"]);
    assert.equal(over.exitCode, 0, over.stderr);
    assert.match(over.stderr, /shown\/sub: a link stood there/);
    assert.equal(await says('test "$(cat kept/canary)" = alive'), 0);
    assert.equal(await says('test ! -L shown/sub && test "$(cat shown/sub/canary)" = overwritten'), 0);

    assert.equal(await says("cp /bin/true shown/suid && chmod 6755 shown/suid && mkfifo shown/fifo"), 0);
    const back = await cloister(["cp", ":/sessions/folders/shown", join(folder, "shown-back")]);
    assert.equal(back.exitCode, 3, back.stderr);
    assert.match(back.stderr, /left out: 2\n/);
    assert.match(back.stderr, /shown-back\/planted: a link that leads out of what is copied/);
    assert.match(back.stderr, /shown\/fifo: a named pipe/);
    assert.match(back.stderr, /shown-back\/suid: its set-user-id or set-group-id bit was left out/);
    assert.deepEqual((await readdir(join(folder, "shown-back"))).sort(), ["sub", "suid"]);
    assert.equal((await stat(join(folder, "shown-back", "suid"))).mode & 0o7100, 0o100);
    await says("rm -r shown kept");
  });

  it("by the operator's command, opens the operator's shell on a terminal", async function () {
    // script(1) of util-linux makes a terminal; other systems' takes other options.
    if (process.platform !== "linux") this.skip();
    const command = ["node", "cli/bin.mjs", "--stack", engine().stack, "shell"].map(shellQuoted).join(" ");
    const shell = execa("script", ["-qec", command, "/dev/null"], {
      cwd: engine().folder,
      env: engine().env,
      reject: false,
    });
    // What is typed before the shell listens would reach it too, but twice on the screen.
    let seen = "";
    shell.stdout?.on("data", (text: Buffer) => {
      seen += text.toString();
    });
    for (let i = 0; i < 600 && !/\$ $/.test(seen); i++) await sleep(100);
    shell.stdin?.write('id -un; test -t 0 && echo "a terminal"; exit 3\n');
    const { exitCode } = await shell;
    assert.match(seen, /^operator\r?$/m);
    assert.match(seen, /^a terminal\r?$/m);
    assert.equal(exitCode, 3);
  });
}
