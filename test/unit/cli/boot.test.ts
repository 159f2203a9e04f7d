import assert from "node:assert/strict";
import { waitForBoot } from "../../../cli/commands/wait.ts";
import type { MachineStatus } from "../../../cli/fleet.ts";
import { localStatus } from "../../../cli/local/fleet.ts";
import type { OperatorLocalOutputs } from "../../../contract/outputs.ts";
import { waitForBoot as waitOnMachine } from "../../../guest/cli/wait.ts";
import { bootStateOf } from "../../../infra/local/host/boot-state.ts";

const outputs: OperatorLocalOutputs = {
  target: "local",
  stateDirectory: "/nowhere",
  accelerator: "kvm",
  runtimeImage: `sha256:${"a".repeat(64)}`,
  verification: { ok: true, rows: 3, kept: 2, differs: ["O1"] },
};

const KERNEL = "[    0.000000] Linux version 6.8.0 (x@y)";

describe("a machine that boots", () => {
  it("is known by its console, as far as the last boot on it has come", () => {
    assert.deepEqual(bootStateOf(""), { kind: "booting", step: "it was just started" });
    assert.deepEqual(bootStateOf(`${KERNEL}\r\n`), { kind: "booting", step: "kernel started" });
    assert.deepEqual(bootStateOf(`${KERNEL}\ncloister: mounting the session disk\n`), {
      kind: "booting",
      step: "mounting the session disk",
    });
    const ready = `${KERNEL}\ncloister: report H4sI\ncloister: ready\n`;
    assert.deepEqual(bootStateOf(ready), { kind: "ready" });
    assert.deepEqual(bootStateOf(`${ready}cloister: the session disk is full\n`), { kind: "ready" });
    assert.deepEqual(bootStateOf(`${KERNEL}\ncloister: not ready: no session disk\n`), {
      kind: "failed",
      why: "no session disk",
    });
    assert.deepEqual(bootStateOf(`${ready}${KERNEL}\n`), { kind: "booting", step: "kernel started" });
    assert.deepEqual(bootStateOf(`${ready}${KERNEL}\n${ready}`), { kind: "ready" });
  });

  it("is listed as one that boots, and not as verified by an earlier boot", () => {
    const status = (port: number | undefined, console?: string) =>
      localStatus("local", outputs, port, console === undefined ? undefined : bootStateOf(console));
    const seen = (...args: Parameters<typeof status>) => {
      const { state, verification } = status(...args);
      return `${state}, ${verification.verdict}: ${verification.by}`;
    };
    assert.equal(seen(22, KERNEL), "booting, pending: it boots: kernel started");
    assert.equal(seen(22, `${KERNEL}\ncloister: ready\n`), "running, passed: at its start: 2 of 3 rows ok, O1 differ");
    assert.equal(seen(22, "cloister: not ready: x"), "running, failed: its console says: x");
    assert.equal(seen(undefined, KERNEL), "stopped, unknown: it does not run");
    assert.equal(seen(22), "running, passed: at its start: 2 of 3 rows ok, O1 differ");
  });

  it("is waited for, and what it does is said", async () => {
    const steps = ["kernel started", "kernel started", "verifying"];
    const machine = (state: string, by: string): MachineStatus => ({
      name: "machine",
      state,
      template: "",
      verification: { verdict: "pending", by },
      remarks: [],
    });
    const said: string[] = [];
    const fleet = {
      machines: async () => {
        const step = steps.shift();
        return [step === undefined ? machine("running", "done") : machine("booting", step)];
      },
    };
    const wait = waitForBoot(fleet, {
      say: (line) => void said.push(line),
      pollMs: 1,
      patienceMs: 5_000,
      repeatMs: 5_000,
    });
    assert.equal((await wait(machine("booting", "kernel started"))).state, "running");
    assert.deepEqual(said, [
      "the machine machine boots, waiting for it: kernel started",
      "the machine machine boots, waiting for it: verifying",
    ]);
    said.length = 0;
    assert.equal((await wait(machine("stopped", "x"))).state, "stopped");
    assert.deepEqual(said, [], "the control: one that does not boot is not waited for");
    const never = waitForBoot(
      { machines: async () => [machine("booting", "kernel started")] },
      { say: () => {}, pollMs: 1, patienceMs: 20, repeatMs: 5 },
    );
    await assert.rejects(never(machine("booting", "x")), { code: "CLOISTER_E_BOOT_TIMEOUT" });
  });

  it("is waited for on the machine itself, until its verification is over or the caller goes", async () => {
    let left = 3;
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const boots = async () => left-- > 0;
    await waitOnMachine({ say, signal: new AbortController().signal, boots, pollMs: 1 });
    assert.deepEqual(said, ["this machine boots: waiting for its verification"]);
    await waitOnMachine({ say, signal: AbortSignal.timeout(30), boots: async () => true, pollMs: 5 });
    assert.equal(said.length, 2);
  });
});
