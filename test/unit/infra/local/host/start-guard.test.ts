import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rememberStart } from "../../../../../infra/local/host/process.ts";
import { pathsIn } from "../../../../../infra/local/paths.ts";

const GUARD = new URL("../../../../../infra/local/host/start-guard.ts", import.meta.url).href;

/** Starts a guard, prints its name, and dismisses it when it is told to. */
const OWNER = `
const { guardStart } = await import(${JSON.stringify(GUARD)});
const guard = guardStart(JSON.parse(process.argv[1]));
console.log(guard.start);
process.stdin.once("data", () => { guard.dismiss(); process.stdin.destroy(); });`;

/** Longer than a guard takes to act; what it does at all, it does well within this. Milliseconds. */
const A_WHILE = 1_000;

describe("the guard of a start", () => {
  let folder: string;
  let paths: ReturnType<typeof pathsIn>;
  let machine: ChildProcess;
  let owner: ChildProcess;
  let start: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-guard-"));
    paths = pathsIn(folder);
    machine = spawn("sh", ["-c", "read -r line; exit", paths.marker]);
    await writeFile(paths.pid, `${machine.pid}\n`);
    owner = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", OWNER, "--", JSON.stringify(paths)],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    const [name] = (await once(owner.stdout ?? assert.fail(), "data")) as [Buffer];
    start = name.toString().trim();
  });
  afterEach(async () => {
    owner.kill("SIGKILL");
    machine.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });
  const runs = (): boolean => machine.exitCode === null && machine.signalCode === null;

  it("stops the machine when whoever started it was killed", async () => {
    await rememberStart(paths, { sshPort: 1, accelerator: "tcg", start });
    const end = once(machine, "exit");
    owner.kill("SIGKILL");
    await end;
  });

  it("leaves the machine alone once it was dismissed", async () => {
    await rememberStart(paths, { sshPort: 1, accelerator: "tcg", start });
    owner.stdin?.write("dismiss");
    await once(owner, "exit");
    await sleep(A_WHILE);
    assert.ok(runs());
  });

  it("leaves the machine of a later start alone", async () => {
    await rememberStart(paths, { sshPort: 1, accelerator: "tcg", start: "a later one" });
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await sleep(A_WHILE);
    assert.ok(runs());
  });
});
