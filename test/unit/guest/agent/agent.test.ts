import assert from "node:assert/strict";
import { agentArguments, agentEnvironment } from "../../../../guest/agent/agent.ts";
import { AgentSettings } from "../../../../guest/machine.ts";

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
