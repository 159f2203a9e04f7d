import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { capture } from "../../../../cli/capture.ts";
import { containerFleet } from "../../../../cli/container/fleet.ts";
import type { Transport } from "../../../../cli/transport.ts";
import type { OperatorContainerOutputs } from "../../../../contract/outputs.ts";

/**
 * An engine whose `exec` starts commands on this computer. As with real ones, they are no children of its own: they go on when
 * it has ended.
 */
const ENGINE = `#!/usr/bin/env node
const { spawn } = require("node:child_process");
const [command, ...words] = process.argv.slice(2);
if (command === "info") console.log('{"ServerVersion":"1"}');
else {
  while (words[0].startsWith("--")) words.shift();
  const [program, ...rest] = words.slice(1).map((word) => word.replace("/run/cloister/", process.env.STAND_IN + "/"));
  const child = spawn(program, rest, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  child.stdout.pipe(process.stdout);
  child.stderr.pipe(process.stderr);
  process.stdin.pipe(child.stdin);
  child.on("close", (code, signal) => process.exit(code ?? 143));
}
`;

/** Says "started", and when it is told to end, writes so; what it says meanwhile may find nobody. */
const GOES_ON =
  'trap \'echo told > "$1/told"; exit 0\' TERM; echo $$ > "$1/number"; trap "" PIPE; while :; do echo still 2>&-; sleep 0.05; done';

describe("the way into a container", function () {
  this.timeout(30_000);
  let folder: string;
  let transport: Transport;
  const before = { ...process.env };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-exec-"));
    await writeFile(join(folder, "docker"), ENGINE, { mode: 0o755 });
    process.env["PATH"] = `${folder}${delimiter}${before["PATH"]}`;
    process.env["STAND_IN"] = folder;
    const outputs = { engine: "docker", container: "c" } as OperatorContainerOutputs;
    const fleet = containerFleet("s", outputs);
    transport = await fleet.connect({ name: "container" } as never);
  });
  afterEach(async () => {
    process.env["PATH"] = before["PATH"];
    delete process.env["STAND_IN"];
    const number = Number(await readFile(join(folder, "number"), "utf8").catch(() => "0"));
    try {
      if (number > 1) process.kill(number, "SIGKILL");
    } catch {
      // It has ended.
    }
    await rm(folder, { recursive: true, force: true });
  });
  const lives = (number: number): boolean => {
    try {
      return process.kill(number, 0);
    } catch {
      return false;
    }
  };
  const left = async () => (await readdir(folder)).filter((name) => name.startsWith("exec-"));

  it("runs a command to its end, the control", async () => {
    const told = await capture(transport, ["bash", "-c", "echo out; echo err >&2; exit 3"]);
    assert.deepEqual(told, { exitCode: 3, stdout: "out\n", stderr: "err\n" });
    assert.deepEqual(await left(), []);
  });

  it("ends the command inside, too, when its caller gives up", async () => {
    const command = ["bash", "-c", GOES_ON, "x", folder];
    await assert.rejects(capture(transport, command, { most: 20 }), /answered with more than/);
    const number = Number(await readFile(join(folder, "number"), "utf8"));
    assert.ok(number > 1, "control: it was started");
    for (const end = Date.now() + 20_000; lives(number) && Date.now() < end; ) await sleep(50);
    assert.ok(!lives(number), "it goes on");
    assert.equal(await readFile(join(folder, "told"), "utf8"), "told\n");
    assert.deepEqual(await left(), []);
  });

  it("starts nothing when its caller has given up before", async () => {
    const nowhere = new Writable({ write: (_data, _encoding, done) => done() });
    const until = AbortSignal.abort(new Error("too late"));
    const command = ["bash", "-c", GOES_ON, "x", folder];
    await assert.rejects(transport.exec(command, { stdout: nowhere, stderr: nowhere, until }), /too late/);
    await sleep(500);
    assert.deepEqual(await readdir(folder), ["docker"]);
  });
});
