import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { AgentSettings } from "../../../../contract/machine.ts";
import { type DemoModel, type DemoRequest, startDemoModel } from "../../../../guest/agent/demo-model.ts";
import { type AgentTask, agentCommand, agentEnvironment, agentFiles } from "../../../../guest/agent/settings.ts";
import { ensurePackages } from "../../../../images/runtime/packages.ts";
import { Store } from "../../../../lib/store.ts";

const WRAPPER = join(import.meta.dirname, "../../../../guest/bin/claude");

/** An MCP server with one tool: what the configured ones are to Claude Code. */
const MCP = `
  const answer = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === "initialize") answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "probe", version: "1" } });
    else if (method === "tools/list") answer(id, { tools: [{ name: "hello", description: "says hello", inputSchema: { type: "object" } }] });
    else if (id !== undefined) answer(id, {});
  });`;

/** The real Claude Code, started by the machine's wrapper in every way in which people start it, against the scripted model. */
describe("the agent's settings, with the real Claude Code", function () {
  this.timeout(120_000);
  this.slow(20_000);
  const settings = AgentSettings.parse({
    model: "claude-opus-4-5-20251101",
    tools: ["Task", "Bash", "Read"],
    mcpServers: { probe: { command: process.execPath, args: ["-e", MCP] } },
  });
  let folder: string;
  let model: DemoModel;
  let door: Server;
  const requests: DemoRequest[] = [];

  before(async function () {
    if (process.platform !== "linux") this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-wrapper-"));
    const packages = await ensurePackages(new Store(), process.arch === "arm64" ? "arm64" : "amd64", () => {});
    await mkdir(join(folder, "opt/lib"), { recursive: true });
    await symlink(packages.claude, join(folder, "opt/lib/claude"));
    await mkdir(join(folder, "agent"));
    for (const [name, text] of Object.entries(agentFiles(settings))) await writeFile(join(folder, "agent", name), text);
    model = await startDemoModel({ socketPath: join(folder, "model"), onRequest: (request) => requests.push(request) });
    door = createServer((client) => {
      const server = connect(model.socketPath);
      client.pipe(server).pipe(client);
      for (const end of [client, server]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  });
  after(async () => {
    door?.close();
    await model?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Each in a home of its own, as a session is. */
  const environment = async (agent = join(folder, "agent")) => {
    requests.length = 0;
    const home = await mkdtemp(join(folder, "home-"));
    return {
      cwd: home,
      extendEnv: false,
      env: {
        PATH: `${join(WRAPPER, "..")}:${process.env["PATH"]}`,
        HOME: home,
        TERM: "xterm",
        ...agentEnvironment({ settings, token: "t", home }),
        // As the test may be root, who is asked for more.
        IS_SANDBOX: "1",
        ANTHROPIC_BASE_URL: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
        CLOISTER_HOME: join(folder, "opt"),
        CLOISTER_AGENT: agent,
      },
    };
  };
  const run = async (command: readonly string[], input = "", agent?: string) => {
    const [program = "", ...words] = command;
    const { exitCode, stdout, stderr } = await execa(program, words, {
      ...(await environment(agent)),
      input,
      reject: false,
      timeout: 60_000,
    });
    assert.equal(exitCode, 0, `${stderr}\n${stdout}`);
    return stdout;
  };
  /** @param servers whether they are there with the first request: on a terminal nobody waits for them */
  const held = (servers = true) => {
    const asked = requests.find(({ tools }) => tools.length > 0) ?? assert.fail("the model was not asked");
    assert.equal(asked.model, "claude-opus-4-5-20251101");
    const offered = servers ? asked.tools : asked.tools.filter((tool) => !tool.startsWith("mcp__probe__"));
    assert.deepEqual([...offered].sort(), ["Agent", "Bash", "Read", ...(servers ? ["mcp__probe__hello"] : [])]);
  };
  const agent = (task: Partial<AgentTask>) => agentCommand({ interactive: false, flags: [], ...task });

  for (const [form, command, input] of [
    ["claude -p PROMPT", ["claude", "-p", "hello"], ""],
    ["claude PROMPT -p, flags in another order", ["claude", "hello", "--output-format", "json", "-p"], ""],
    ["claude -p --output-format json PROMPT", ["claude", "-p", "--output-format", "json", "hello"], ""],
    ["echo PROMPT | claude -p", ["claude", "-p"], "hello\n"],
    ["a shell that starts claude", ["sh", "-c", "cd / && claude -p hello"], ""],
    ["cloister agent PROMPT", agent({ prompt: "hello" }), ""],
    ["echo PROMPT | cloister agent", agent({}), "hello\n"],
    ["cloister agent PROMPT -- flags", agent({ prompt: "hello", flags: ["--max-turns", "2"] }), ""],
  ] as const) {
    it(`hold in: ${form}`, async () => {
      await run(command, input);
      held();
    });
  }

  it("hold in a stream, which says the servers too", async () => {
    const said = await run(agent({ prompt: "hello", flags: ["--output-format", "stream-json"] }));
    held();
    const init = said
      .split("\n")
      .map((line) => JSON.parse(line))
      .find(({ subtype }) => subtype === "init");
    assert.deepEqual(
      init.mcp_servers.map(({ name, status }: { name: string; status: string }) => [name, status]),
      [["probe", "connected"]],
    );
  });

  it("hold on a terminal, where nothing is asked before the work begins", async () => {
    const { cwd, env, extendEnv } = await environment();
    const terminal = execa("script", ["-qec", "stty rows 40 cols 120; claude hello", "/dev/null"], {
      cwd,
      env,
      extendEnv,
      reject: false,
      timeout: 60_000,
    });
    let seen = "";
    terminal.stdout?.on("data", (data: Buffer) => {
      seen += data.toString();
    });
    for (let i = 0; i < 300 && !seen.includes("scripted"); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    terminal.kill("SIGKILL");
    await terminal;
    assert.match(seen, /scripted/, "the model's answer is on the screen");
    held(false);
  });

  it("go on with the last conversation by --continue", async () => {
    const { cwd, env, extendEnv } = await environment();
    const once = (command: readonly string[]) =>
      execa(command[0] ?? "", command.slice(1), { cwd, env, extendEnv, stdin: "ignore" });
    await once(agent({ prompt: "first words" }));
    const { stdout } = await once([...agent({ prompt: "second", continue: true, flags: ["--output-format", "json"] })]);
    held();
    assert.ok(JSON.parse(stdout).session_id);
  });

  it("are not there without the machine's files: the control", async () => {
    await run(["claude", "-p", "hello"], "", join(folder, "nowhere"));
    const asked = requests.find(({ tools }) => tools.length > 0);
    assert.ok((asked?.tools.length ?? 0) > 10, `${asked?.tools}`);
    assert.ok(!asked?.tools.includes("mcp__probe__hello"));
  });
});
