/** The pack that is started before the engine asks for it, and the process that the engine starts for it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { execa } from "execa";
import { type Ahead, aheadOf } from "../../../preview/policy/ahead.ts";
import { packIn } from "../../../preview/policy/pack.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

const HOST = join(REPOSITORY, "node_modules/@pulumi/pulumi/cmd/run-policy-pack/index.js");

/** Serves until it is ended, and says who it is, as a pack says its port; then it says something worth telling. */
const SERVES = `
  console.log(String(process.pid));
  setTimeout(() => console.error("a warning"), 200);
  setInterval(() => {}, 1000);`;

const MANIFEST = '{ "main": "main.cjs", "cloister": { "configuredByCall": true } }';

describe("a policy pack that is started ahead", function () {
  this.timeout(30_000);
  let folder: string;
  let before: string | undefined;
  let ahead: Ahead;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ahead-"));
    await mkdir(join(folder, "policy"));
    await mkdir(join(folder, "tmp"));
    before = process.env["TMPDIR"];
    process.env["TMPDIR"] = join(folder, "tmp");
    const own = {
      "settings.yaml": "{}",
      "PulumiPolicy.yaml": "runtime: nodejs",
      "package.json": MANIFEST,
    };
    for (const [name, text] of Object.entries({ ...own, "main.cjs": SERVES }))
      await writeFile(join(folder, "policy", name), text);
    for (const file of ["preload.cjs", "host.cjs", "take.cjs", "ahead.cjs"])
      await cp(join(REPOSITORY, "policy", file), join(folder, "policy", file));
    for (const file of ["toolchain/lean-sdk.cjs", "lib"])
      await cp(join(REPOSITORY, file), join(folder, file), { recursive: true });
    await symlink(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
    ahead = (await aheadOf(await packIn(join(folder, "policy"), {}))) ?? assert.fail("it cannot be started ahead");
  });
  afterEach(async () => {
    ahead.end();
    for (const child of children.splice(0)) child.kill("SIGKILL");
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    await rm(folder, { recursive: true, force: true });
  });

  const children: ChildProcess[] = [];
  const socket = (): string => ahead.pack.env["CLOISTER_POLICY_AHEAD"] ?? "";

  /** As the engine's language host starts a pack. */
  function host(env: Readonly<Record<string, string>> = ahead.pack.env): ChildProcess {
    const args = [HOST, "127.0.0.1:1", join(folder, "policy")];
    const child = spawn("node", args, {
      cwd: join(folder, "policy"),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    return child;
  }
  const firstOf = async (stream: ChildProcess["stdout"]): Promise<string> => {
    const [data] = (await once(stream ?? assert.fail(), "data")) as [Buffer];
    return data.toString().trim();
  };
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  async function until(what: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 200; i++) {
      if (await what()) return;
      await wait(50);
    }
    assert.fail("it did not come");
  }
  const isListening = async (): Promise<boolean> =>
    await access(socket()).then(
      () => true,
      () => false,
    );

  it("is the one that the engine gets, with what it says, and ends with the engine's process", async () => {
    ahead.start();
    await until(isListening);
    const child = host();
    const [port, warning] = await Promise.all([firstOf(child.stdout), firstOf(child.stderr)]);
    assert.notEqual(Number(port), child.pid, "another process");
    assert.equal(warning, "a warning");
    assert.ok(isAlive(Number(port)));
    child.kill("SIGKILL");
    await until(() => !isAlive(Number(port)));
    assert.deepEqual(await readdir(join(folder, "tmp")), [], "nothing is left");
  });

  it("goes on at Ctrl-C, which the engine hears as well, until the engine's process ends", async () => {
    ahead.start();
    await until(isListening);
    const child = host();
    const pid = Number(await firstOf(child.stdout));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    assert.equal(await firstOf(child.stderr), "a warning", "it still serves");
    assert.ok(isAlive(pid));
    child.kill("SIGKILL");
    await until(() => !isAlive(pid));
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  });

  it("is told as gone when it ends without a word", async () => {
    ahead.start();
    await until(isListening);
    const child = host();
    const pid = Number(await firstOf(child.stdout));
    await firstOf(child.stderr);
    process.kill(pid, "SIGKILL");
    const [said, [code]] = await Promise.all([firstOf(child.stderr), once(child, "exit") as Promise<[number]>]);
    assert.deepEqual([said, code], ["the policy pack, which was started ahead, ended without a word", 1]);
    ahead.end();
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  });

  it("serves one engine: another one has a pack of its own", async () => {
    ahead.start();
    await until(isListening);
    const [first, second] = [host(), host()];
    const ports = [await firstOf(first.stdout), await firstOf(second.stdout)].map(Number);
    const own = [first, second].filter(({ pid }) => pid !== undefined && ports.includes(pid));
    assert.equal(own.length, 1, `${ports}`);
    assert.equal(new Set(ports).size, 2);
  });

  it("is started by the engine where it is not there", async () => {
    const child = host();
    assert.equal(Number(await firstOf(child.stdout)), child.pid);
  });

  it("ends when nobody wants it", async () => {
    await writeFile(
      join(folder, "policy", "main.cjs"),
      `require("node:fs").writeFileSync("pid", String(process.pid));${SERVES}`,
    );
    ahead.start();
    await until(isListening);
    const { stdout } = await execa("cat", [join(folder, "policy", "pid")], { reject: false });
    ahead.end();
    await until(async () => (await readdir(join(folder, "tmp"))).length === 0);
    if (stdout) await until(() => !isAlive(Number(stdout)));
  });

  it("leaves nothing when it was never started", async () => {
    assert.equal((await readdir(join(folder, "tmp"))).length, 1);
    ahead.end();
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  });

  it("is told as failed, with its reason and its code, as one that the engine starts", async () => {
    await writeFile(join(folder, "policy", "main.cjs"), "throw new Error('broken settings');");
    const ended = async (child: ChildProcess): Promise<{ code: unknown; error: string }> => {
      const texts: string[] = [];
      child.stderr?.on("data", (data: Buffer) => texts.push(data.toString()));
      const [code] = (await once(child, "close")) as [unknown];
      return { code, error: texts.join("") };
    };
    const { CLOISTER_POLICY_AHEAD: _, ...plain } = ahead.pack.env;
    const control = await ended(host(plain));
    assert.match(control.error, /broken settings/);
    ahead.start();
    await until(isListening);
    const told = await ended(host());
    assert.equal(told.code, control.code);
    assert.match(told.error, /broken settings/);
    assert.equal(told.error.split("broken settings").length, control.error.split("broken settings").length, "once");
  });

  it("is not started ahead where it cannot be", async () => {
    await writeFile(join(folder, "policy", "package.json"), '{ "main": "main.cjs" }');
    assert.equal(await aheadOf(await packIn(join(folder, "policy"), {})), undefined, "it needs its environment");
    await writeFile(join(folder, "policy", "package.json"), MANIFEST);
    process.env["TMPDIR"] = join(folder, "none");
    assert.equal(await aheadOf(await packIn(join(folder, "policy"), {})), undefined, "no folder for the socket");
    await rm(join(folder, "policy", "ahead.cjs"));
    assert.equal(await aheadOf(await packIn(join(folder, "policy"), {})), undefined);
    process.env["TMPDIR"] = join(folder, "x".repeat(90));
    await cp(join(REPOSITORY, "policy", "ahead.cjs"), join(folder, "policy", "ahead.cjs"));
    assert.equal(await aheadOf(await packIn(join(folder, "policy"), {})), undefined, "the socket's path is too long");
  });

  it("can be entered by its own user alone", async () => {
    ahead.start();
    await until(isListening);
    const { stdout } = await execa("stat", ["--format=%a", dirname(socket())]);
    assert.equal(stdout, "700");
    const connection = createConnection(socket());
    await once(connection, "connect");
    connection.destroy();
  });
});
