import assert from "node:assert/strict";
import fc from "fast-check";
import { parseMachine } from "../../../../contract/machine.ts";
import { settingsSchema } from "../../../../infra/settings/schema.ts";
import {
  agentOf,
  parseSettings,
  type Settings,
  SettingsError,
  sessionMemoryMiB,
} from "../../../../infra/settings/settings.ts";

const digest = "0".repeat(64);

const settingsOf = (config: Record<string, string>): Settings => {
  const parsed = parseSettings(config);
  if (!("settings" in parsed)) assert.fail(JSON.stringify(parsed.problems));
  return parsed.settings;
};
const problemsOf = (config: Record<string, string>) => parseSettings(config).problems;

describe("settings", () => {
  it("has a value for every key when nothing is configured", () => {
    const settings = settingsOf({});
    assert.deepEqual(Object.keys(settings).sort(), Object.keys(settingsSchema.shape).sort());
    assert.equal(settings.cpus, 4);
    assert.equal(settings.memoryMiB, 4096);
    assert.equal(settings.rootDiskGiB, 10);
    assert.equal(settings.sessionDiskGiB, 10);
    assert.equal(settings.hostname, "claude");
  });

  it("reads numbers, lists and objects from the strings that the engine hands over", () => {
    const settings = settingsOf({
      "cloister:cpus": "2",
      "cloister:tools": '["Bash","Read"]',
      "cloister:mcpServers": '{"notes":{"command":"notes-server"}}',
    });
    assert.equal(settings.cpus, 2);
    assert.deepEqual(settings.tools, ["Bash", "Read"]);
    assert.deepEqual(settings.mcpServers, { notes: { type: "stdio", command: "notes-server", args: [], env: {} } });
  });

  it("takes every MCP server that a machine takes, and says what is wrong with another", () => {
    const servers = {
      notes: { command: "notes-server" },
      "far notes": { type: "http", url: "https://mcp.example/notes", headers: { accept: "text/plain" } },
      feed: { type: "sse", url: "https://mcp.example/feed" },
    };
    const settings = settingsOf({ "cloister:mcpServers": JSON.stringify(servers) });
    const { agent } = parseMachine({ name: "m", target: "local", runtime: { digest }, agent: agentOf(settings) });
    const { session, web, ...own } = agent.mcpServers;
    assert.deepEqual(own, settings.mcpServers);
    assert.deepEqual([session?.type, web?.type], ["stdio", "stdio"], "the built-in ones stay");
    assert.deepEqual(agent.mcpServers["feed"], { ...servers.feed, headers: {} });
    assert.deepEqual(agentOf(settingsOf({})), { model: settings.model, tools: settings.tools });
    const wrong = { a: { type: "ftp", url: "ftp://x" }, b: { type: "http", url: "nowhere" }, c: { args: ["x"] } };
    assert.deepEqual(
      problemsOf({ "cloister:mcpServers": JSON.stringify(wrong) }).map(({ path, message }) => [
        path,
        message.split(".")[0],
      ]),
      [
        ["cloister:mcpServers.a.type", "must be stdio (or left out), http or sse"],
        ["cloister:mcpServers.b.url", "must be an address such as https://example"],
        ["cloister:mcpServers.c.command", "is missing: it must be text"],
      ],
    );
  });

  it("says in plain words what kind of value is wanted, once for each place, and no default of another place", () => {
    for (const [key, value, path, message] of [
      ["pools", "null", "pools", "must be an object. The default is {}."],
      ["pools", '{"w":{"max":1e300}}', "pools.w.max", "must be a whole number from 0 to 10000."],
      ["pools", '{"w":[]}', "pools.w", "must be an object."],
      ["packages", '"curl"', "packages", "must be a list. The default is []."],
      ["terminationProtection", "yes", "terminationProtection", "must be true or false. The default is false."],
      ["snapshots", '{"everyHours":3}', "snapshots.everyHours", "must be one of 2, 4, 6, 8, 12, 24."],
      ["tags", '{"":"x"}', "tags.", "must not be empty."],
      ["tags", '{"a":null}', "tags.a", "must be text."],
      ["budget", '{"monthlyUSD":5}', "budget.email", "is missing: it must be an address, to which warnings go."],
      ["snapshots", '{"kep":3}', "snapshots.kep", "unknown key: remove it or correct its name. Did you mean keep?"],
      ["network", '{"cidr":null}', "network.cidr", "must be text."],
    ] as const) {
      const [first, ...others] = problemsOf({ [`cloister:${key}`]: value });
      assert.equal(first?.path, `cloister:${path}`);
      assert.ok(first.message.startsWith(message), first.message);
      assert.deepEqual(others, [], "one problem");
    }
  });

  it("refuses what is no folder's name, and the ~ that only a shell knows", () => {
    for (const name of ["~/machines", "~", "a\u0000b", "a\nb", "   "]) {
      assert.deepEqual(
        problemsOf({ "cloister:stateDirectory": name }).map(({ path }) => path),
        ["cloister:stateDirectory"],
        JSON.stringify(name),
      );
    }
    for (const name of ["", "a folder, with a comma", "/var/lib/cloister", "../elsewhere"])
      assert.equal(settingsOf({ "cloister:stateDirectory": name }).stateDirectory, name);
  });

  it("leaves built-in MCP servers out that are not wanted, also all of them, and lets one be replaced", () => {
    const serversOf = (config: Record<string, string>) =>
      parseMachine({ name: "m", target: "local", runtime: { digest }, agent: agentOf(settingsOf(config)) }).agent
        .mcpServers;
    assert.deepEqual(Object.keys(serversOf({})), ["session", "web"], "the control");
    assert.deepEqual(Object.keys(serversOf({ "cloister:mcpServers": "{}" })), ["session", "web"]);
    assert.deepEqual(Object.keys(serversOf({ "cloister:builtInMcpServers": '["session"]' })), ["session"]);
    assert.deepEqual(serversOf({ "cloister:builtInMcpServers": "[]" }), {});
    const replaced = serversOf({ "cloister:mcpServers": '{"web":{"command":"my-web"}}' });
    assert.deepEqual(replaced["web"], { type: "stdio", command: "my-web", args: [], env: {} });
    assert.match(problemsOf({ "cloister:builtInMcpServers": '["browser"]' })[0]?.path ?? "", /builtInMcpServers/);
  });

  it("keeps a string a string even when it looks like a number", () => {
    assert.equal(settingsOf({ "cloister:model": "4711" }).model, "4711");
  });

  it("is frozen to the bottom", () => {
    const settings = settingsOf({ "cloister:tools": '["Bash"]' });
    assert.throws(() => {
      (settings as { cpus: number }).cpus = 8;
    }, TypeError);
    assert.throws(() => (settings.tools as string[]).push("Read"), TypeError);
  });

  it("reports all problems in one round, each with path, value and remedy", () => {
    const problems = problemsOf({
      "cloister:cpus": "0",
      "cloister:memmoryMiB": "4096",
      "cloister:tools": '["Bash","Bsh"]',
      "cloister:accelerator": "warp",
    });
    assert.deepEqual(
      problems.map(({ path, value }) => [path, value]),
      [
        ["cloister:memmoryMiB", '"4096"'],
        ["cloister:cpus", '"0"'],
        ["cloister:tools[1]", '"Bsh"'],
        ["cloister:accelerator", '"warp"'],
      ],
    );
    const text = new SettingsError("local", problems).message;
    assert.match(text, /stack "local" has 4 problems; nothing was created or changed/);
    assert.match(text, /Did you mean cloister:memoryMiB\?/);
    assert.match(text, /must be one of "auto", "kvm", "hvf", "tcg"/);
  });

  it("says what is right of the rest, so that a target can look at it in the same round", () => {
    const parsed = parseSettings({
      "cloister:region": "eu-central-1",
      "cloister:cpus": "0",
      "cloister:machines": '{"one":{},"Two":{},"three":{"sessionDiskGiB":0}}',
      "cloister:budget": '{"monthlyUSD":50}',
      "cloister:network": '{"nat":"single","nut":1}',
    });
    if ("settings" in parsed) assert.fail();
    assert.equal(parsed.rest.region, "eu-central-1");
    assert.equal(parsed.rest.cpus, 4);
    assert.deepEqual(Object.keys(parsed.rest.machines), ["one"]);
    assert.equal(parsed.rest.budget, null);
    assert.deepEqual([...parsed.wrong].sort(), [
      "budget",
      "budget.email",
      "cpus",
      "machines.Two",
      "machines.three",
      "network",
    ]);
  });

  it("refuses unknown keys inside structured values", () => {
    const [problem] = problemsOf({ "cloister:mcpServers": '{"a":{"command":"x","comand":"y"}}' });
    assert.equal(problem?.path, "cloister:mcpServers.a.comand");
  });

  it("leaves the keys of providers alone", () => {
    assert.deepEqual(problemsOf({ "command:anything": "x" }), []);
  });

  it("refuses keys of the AWS provider, which have no effect, and shows no value of theirs", () => {
    const found = problemsOf({ "aws:allowedAccountIds": '["1"]', "aws:secretKey": "hunter2", "aws:endpoints": "[]" });
    assert.deepEqual(
      found.map(({ path, value }) => [path, value]),
      [
        ["aws:allowedAccountIds", undefined],
        ["aws:secretKey", undefined],
        ["aws:endpoints", undefined],
      ],
    );
    assert.match(found[0]?.message ?? "", /has no effect.*cloister:accountId.*pulumi config rm aws:allowedAccountIds/);
    assert.doesNotMatch(JSON.stringify(found), /hunter2/);
  });

  it("refuses a key that is marked secret, and does not say its value", () => {
    const config = {
      "cloister:mcpServers": '{"a":{"command":"x","env":{"TOKEN":"hunter2"}}}',
      "command:anything": "x",
    };
    const { problems, ...rest } = parseSettings(config, "cloister", (key) => key in config);
    assert.deepEqual("wrong" in rest && rest.wrong, ["mcpServers"]);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ["cloister:mcpServers"],
    );
    assert.match(problems[0]?.message ?? "", /pulumi config rm cloister:mcpServers/);
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
    assert.deepEqual(problemsOf(config), []);
  });

  it("does not suggest a key that is nothing like the unknown one", () => {
    assert.doesNotMatch(problemsOf({ "cloister:zzzzzzzzzzzzzz": "1" })[0]?.message ?? "", /Did you mean/);
  });

  it("refuses session memory that leaves nothing to the machine, and accepts what does", () => {
    assert.equal(
      problemsOf({ "cloister:sessionMemoryMiB": "4000", "cloister:memoryMiB": "4096" })[0]?.path,
      "cloister:sessionMemoryMiB",
    );
    assert.deepEqual(problemsOf({ "cloister:sessionMemoryMiB": "3584", "cloister:memoryMiB": "4096" }), []);
  });

  it("refuses a direct boot of an image that has no kernel beside it", () => {
    assert.equal(
      problemsOf({ "cloister:boot": "direct-kernel", "cloister:baseImage": "ubuntu-22.04" })[0]?.path,
      "cloister:boot",
    );
  });

  it("gives sessions what the reference has, however large the machine is", () => {
    assert.equal(sessionMemoryMiB({ memoryMiB: 4096, sessionMemoryMiB: 0 }), 3072);
    assert.equal(sessionMemoryMiB({ memoryMiB: 16_384, sessionMemoryMiB: 0 }), 3891);
    assert.equal(sessionMemoryMiB({ memoryMiB: 16_384, sessionMemoryMiB: 8192 }), 8192);
  });

  it("never throws, whatever the configuration holds", () => {
    const key = fc.oneof(fc.constantFrom(...Object.keys(settingsSchema.shape)), fc.string());
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(fc.string(), fc.json())), (config) => {
        const prefixed = Object.fromEntries(Object.entries(config).map(([name, value]) => [`cloister:${name}`, value]));
        const parsed = parseSettings(prefixed);
        assert.equal("settings" in parsed, parsed.problems.length === 0);
      }),
      { numRuns: 300 },
    );
  });
});
