import assert from "node:assert/strict";
import { execa } from "execa";
import { REPOSITORY } from "../../../../rehearsal/project-copy.ts";

/** Runs it as the program's first module is run, under mocks, and tells what it registered. */
async function registered(target: string, preview: boolean): Promise<unknown> {
  const script = `
    const { setMocks } = require("@pulumi/pulumi/runtime/mocks");
    const { setAllConfig } = require("@pulumi/pulumi/runtime/config");
    const made = [];
    const newResource = ({ type, name, inputs }) => {
      made.push({ type, name, inputs });
      return { id: name, state: inputs };
    };
    setMocks({ newResource, call: () => ({}) }, "cloister", "dev", ${preview});
    setAllConfig({ "cloister:target": ${JSON.stringify(target)} });
    const files = () => Object.keys(require.cache).filter((path) => /pulumi.automation/.test(path)).length;
    require("./infra/aws/early.cjs").earlyProvider().then((provider) => {
      console.log(JSON.stringify({ made, gave: provider?.constructor.name ?? null, automation: files() }));
    });`;
  const { stdout } = await execa("node", ["-e", script], { cwd: REPOSITORY });
  return JSON.parse(stdout);
}

describe("the provider that is registered early", function () {
  this.timeout(20_000);

  it("is that of commands, in a preview of a stack on AWS", async () => {
    const made = [{ type: "pulumi:providers:command", name: "command", inputs: {} }];
    assert.deepEqual(await registered("aws", true), { made, gave: "ProviderResource", automation: 0 });
  });

  it("is none where something is made, and none on other targets", async () => {
    const none = { made: [], gave: null, automation: 0 };
    assert.deepEqual(await registered("aws", false), none);
    assert.deepEqual(await registered("local", true), none);
  });
});
