import assert from "node:assert/strict";
import { AgentSettings } from "../../../../contract/machine.ts";
import { agentArguments, agentEnvironment } from "../../../../guest/agent/agent.ts";
import { emulates } from "../../../../guest/agent/emulated.ts";

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

  it("offer exactly the configured tools and MCP servers, headless", () => {
    const args = agentArguments(settings, "do it", "json");
    const valueAfter = (name: string) => args[args.indexOf(name) + 1];
    assert.equal(valueAfter("--print"), "do it");
    assert.equal(valueAfter("--model"), "claude-opus-4-5-20251101");
    assert.equal(valueAfter("--tools"), "Task,Bash,Glob,Grep,Read,Edit,Write");
    assert.deepEqual(Object.keys(JSON.parse(valueAfter("--mcp-config") ?? "").mcpServers), ["session", "web"]);
    assert.ok(args.includes("--strict-mcp-config"));
    assert.equal(valueAfter("--permission-mode"), "bypassPermissions");
    assert.ok(!args.includes("--verbose"));
    // Claude Code prints stream-json only together with --verbose.
    assert.ok(agentArguments(settings, "x", "stream-json").includes("--verbose"));
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
