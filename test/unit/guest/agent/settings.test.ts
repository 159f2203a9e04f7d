import assert from "node:assert/strict";
import { AgentSettings } from "../../../../contract/machine.ts";
import { emulates } from "../../../../guest/agent/emulated.ts";
import { type AgentTask, agentCommand, agentEnvironment, agentFiles } from "../../../../guest/agent/settings.ts";

describe("an emulated processor", () => {
  const arm = (implementer: string, part: string) =>
    `processor\t: 0\nBogoMIPS\t: 125.00\nCPU implementer\t: ${implementer}\nCPU architecture: 8\nCPU part\t: ${part}\n`;

  it("is known by its name, and a real one is none", () => {
    assert.equal(emulates(arm("0x00", "0x051")), true);
    assert.equal(emulates("model name\t: QEMU TCG CPU version 2.5+\n"), true);
    // Graviton4, Apple's under HVF, and an x86-64 under KVM.
    for (const real of [arm("0x41", "0xd4f"), arm("0x61", "0x000"), "model name\t: AMD EPYC 9B14\n", ""]) {
      assert.equal(emulates(real), false);
    }
  });
});

describe("Claude Code's arguments and environment", () => {
  const settings = AgentSettings.parse({});

  it("are the machine's tools and servers in files, not in words that everybody on the machine may read", () => {
    const files = agentFiles(settings);
    assert.equal(files["agent-tools"], "Task,Bash,Glob,Grep,Read,Edit,Write\n");
    assert.deepEqual(Object.keys(JSON.parse(files["agent-servers.json"]).mcpServers), ["session", "web"]);
  });

  it("are a prompt behind all flags, and a stream only with --verbose", () => {
    const command = (task: Partial<AgentTask>) => agentCommand({ interactive: false, flags: [], ...task }).join(" ");
    assert.equal(command({ prompt: "-x" }), "claude --print -- -x");
    assert.equal(command({ flags: ["--max-turns", "3"] }), "claude --print --max-turns 3");
    assert.equal(command({ prompt: "x", continue: true }), "claude --continue --print -- x");
    assert.equal(command({ interactive: true, flags: ["--resume"] }), "claude --resume");
    const stream = ["--output-format", "stream-json"];
    assert.equal(command({ prompt: "x", flags: stream }), "claude --print --verbose --output-format stream-json -- x");
    assert.equal(command({ prompt: "x", flags: [...stream, "--verbose"] }).match(/--verbose/g)?.length, 1);
  });

  it("have the engine interpret on an emulated Arm processor, and only there", () => {
    const of = (more: object) => agentEnvironment({ settings, token: "t", home: "/sessions/a-b-c", ...more });
    assert.equal(of({ emulated: true })["BUN_JSC_useJIT"], "0");
    assert.equal(of({})["BUN_JSC_useJIT"], undefined);
  });

  it("know only the relay and a worthless token", () => {
    const environment = agentEnvironment({ settings, token: "t", home: "/sessions/a-b-c" });
    assert.equal(environment["ANTHROPIC_BASE_URL"], "http://model.cloister.internal");
    assert.equal(environment["ANTHROPIC_AUTH_TOKEN"], "t");
    assert.equal(environment["CLAUDE_CONFIG_DIR"], "/sessions/a-b-c/.claude");
    assert.equal(environment["ANTHROPIC_API_KEY"], undefined);
    for (const off of ["DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]) {
      assert.equal(environment[off], "1");
    }
  });
});
