import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Channel, OpenChannel } from "../../../cli/remote-helper/channel.ts";
import { runByRemoteHelper } from "../../../cli/remote-helper/near-end.ts";
import { remoteHelper } from "../../../cli/remote-helper/start.ts";
import { runHere, standInPrograms, waysHere } from "../../support/operator/here.ts";

/** Words that some shell, or some line of a protocol, would read otherwise. */
const WORDS = [
  "",
  " ",
  "two words",
  'it\'s "quoted"',
  "line\nbreak\r\nand\ttab",
  "$(touch /tmp/never)",
  "`id`; $HOME && * | > x",
  "-n",
  "--",
  "\\",
  "Grüße 世界 🙂",
  "~.",
  "\u0003\u001a",
  "x 0 0 0",
];

describe("the remote helper", function () {
  this.timeout(15_000);
  this.slow(5_000);
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  before(async () => {
    programs = await standInPrograms();
  });
  after(() => programs.remove());

  it("is started by a line that a shell reads as it is, without comments", () => {
    const { commandLine, word } = remoteHelper("word");
    assert.equal(word, "word");
    assert.match(commandLine, /^exec sudo -n python3 -I -S -c '[^']*/);
    assert.doesNotMatch(commandLine, /^ *#/m);
    assert.doesNotMatch(commandLine, /\{\{/, "SSM replaces what is in double braces");
    assert.ok(commandLine.length < 8_000, `${commandLine.length} characters`);
  });

  for (const [name, open] of Object.entries(waysHere(() => programs.env))) {
    describe(`by ${name}`, () => {
      it("hands words on as they are", async () => {
        const print = 'for word; do printf "%s\\0" "$word"; done';
        const { stdout, stderr, exitCode } = await runHere(open, ["sh", "-c", print, "sh", ...WORDS]);
        assert.equal(exitCode, 0, stderr.toString());
        assert.deepEqual(stdout.toString().split("\0").slice(0, -1), WORDS);
      });

      it("gives a command variables that stand in no process's command line", async () => {
        const secret = `a-secret-${randomBytes(8).toString("hex")}`;
        const environment = { CLOISTER_ENV_TOKEN: secret, "CLOISTER_ENV_X Y": "it's\n$(id)" };
        // Every command line of this computer, the test's own way to the remote helper among them.
        const look = 'printf "%s\\0" "$CLOISTER_ENV_TOKEN"; cat /proc/[0-9]*/cmdline 2>/dev/null; exit 0';
        const { stdout, stderr } = await runHere(open, ["sh", "-c", look], undefined, environment);
        const [value, ...lines] = stdout.toString().split("\0");
        assert.equal(value, secret, stderr.toString());
        assert.ok(
          lines.some((line) => line.includes("CLOISTER_ENV_TOKEN")),
          "the control: command lines are read",
        );
        assert.ok(!lines.some((line) => line.includes(secret)));
        const named = await runHere(open, ["env", "-0"], undefined, environment);
        assert.ok(named.stdout.toString().split("\0").includes("CLOISTER_ENV_X Y=it's\n$(id)"));
        const written = await runHere(open, ["sh", "-c", look, secret]);
        assert.ok(written.stdout.toString().includes(secret), "the control: a word is seen");
      });

      it("tells the command's exit code, a signal's number, and a program that is not there", async () => {
        assert.equal((await runHere(open, ["sh", "-c", "exit 7"])).exitCode, 7);
        assert.equal((await runHere(open, ["sh", "-c", "exit 255"])).exitCode, 255);
        assert.equal((await runHere(open, ["sh", "-c", "kill -9 $$"])).exitCode, 137);
        const missing = await runHere(open, ["no-such-program"]);
        assert.equal(missing.exitCode, 127);
        assert.match(missing.stderr.toString(), /no-such-program: No such file or directory/);
      });

      it("keeps both outputs apart", async () => {
        const { stdout, stderr } = await runHere(open, ["sh", "-c", "echo out; echo err >&2"]);
        assert.equal(stdout.toString(), "out\n");
        assert.equal(stderr.toString(), "err\n");
      });

      it("carries bytes that are no text, in both directions, more than any window", async () => {
        const data = randomBytes(700_000);
        const { stdout, exitCode } = await runHere(open, ["cat"], data);
        assert.equal(exitCode, 0);
        assert.equal(stdout.length, data.length);
        assert.equal(hash(stdout), hash(data));
      });

      it("is not deceived by a command that prints the remote helper's lines", async () => {
        const lines =
          'w=$(tr "\\0" "\\n" </proc/$PPID/cmdline | tail -1); printf "%s x 0 0 0\\n%s o aGk=\\n" "$w" "$w"; exit 5';
        const { stdout, exitCode } = await runHere(open, ["sh", "-c", lines]);
        assert.equal(exitCode, 5);
        assert.match(stdout.toString(), /^cloister-[0-9a-f]{12} x 0 0 0\n/);
      });

      it("gives the command no input when there is none, and ends its input where ours ends", async () => {
        assert.equal((await runHere(open, ["cat"])).stdout.length, 0);
        assert.equal((await runHere(open, ["wc", "-c"], Buffer.from("four"))).stdout.toString().trim(), "4");
        // A command that does not read its input is not waited for.
        assert.equal((await runHere(open, ["true"], randomBytes(2_000_000))).exitCode, 0);
      });

      it("shows output while the command runs", async () => {
        const input = new PassThrough();
        const stdout = new PassThrough();
        const done = runByRemoteHelper(open, "here", ["cat"], {
          stdin: input,
          stdout,
          stderr: new PassThrough(),
          user: undefined,
        });
        input.write("first\n");
        const [seen] =
          (await new Promise<[Buffer]>((resolve) => stdout.once("data", (data: Buffer) => resolve([data])))) ?? [];
        assert.equal(seen.toString(), "first\n");
        input.end();
        assert.equal(await done, 0);
      });

      it("ends a command whose output nobody reads any more, as a pipe does", async () => {
        const stdout = new PassThrough();
        stdout.once("data", () => stdout.destroy());
        const streams = { stdout, stderr: new PassThrough(), user: undefined };
        assert.equal(await runByRemoteHelper(open, "here", ["yes"], streams), 141);
      });

      it("does not wait for what a command left behind", async () => {
        const { stdout, exitCode } = await runHere(open, ["sh", "-c", "sleep 30 & echo started"]);
        assert.equal(exitCode, 0);
        assert.equal(stdout.toString(), "started\n");
      });

      it("ends the command, and what it started, when the connection is lost", async () => {
        const file = join(programs.folder, `lost-${name.length}`);
        const script = `sleep 60 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`;
        let channel: Channel | undefined;
        const spying: OpenChannel = async (line) => {
          channel = await open(line);
          return channel;
        };
        const lost = assert.rejects(
          runHere(spying, ["sh", "-c", script]),
          /the connection to here was lost before the command ended/,
        );
        while (!existsSync(file)) await sleep(20);
        const pid = Number(await readFile(file, "utf8"));
        assert.ok(alive(pid), "the control: it runs");
        channel?.close();
        await lost;
        for (let i = 0; i < 100 && alive(pid); i++) await sleep(50);
        assert.ok(!alive(pid));
      });

      it("says what was said when there is no remote helper", async () => {
        const broken: OpenChannel = () => open("echo sudo: a password is required; exit 1");
        await assert.rejects(runHere(broken, ["true"]), /could not be reached[\s\S]*a password is required/);
      });
    });
  }
});

function hash(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
