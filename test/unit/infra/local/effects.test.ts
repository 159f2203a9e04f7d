import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { LocalMachine } from "../../../../infra/local/machine.ts";
import { pathsOf } from "../../../../infra/local/paths.ts";
import { machineArchitecture } from "../../../../infra/local/preflight.ts";
import type { Effect } from "../../../../infra/settings/documented.ts";
import { parseSettings, type Settings } from "../../../../infra/settings/settings.ts";
import { reference } from "../../../../tools/docs/config-reference.ts";
import { settled } from "../aws/mocks.ts";

type Inputs = Readonly<Record<string, unknown>>;
type Config = Readonly<Record<string, unknown>>;

/** Results of steps, as the program reads them. */
const RESULTS: Readonly<Record<string, unknown>> = {
  "machine-runtime-disk": { digest: "ab".repeat(32), size: 99_999_999 },
  "machine-root-disk": {
    image: "image",
    digest: "cd".repeat(32),
    standIn: true,
    why: "",
    kernel: { image: "/kernel", commandLine: "" },
  },
  machine: { sshPort: 2222, accelerator: "tcg", why: "", network: "", verification: {} },
};

/** The steps that a local stack registers with a configuration, by name. */
async function stepsOf(changes: Config): Promise<Readonly<Record<string, Inputs>>> {
  const all: { type: string; name: string; inputs: Inputs }[] = [];
  pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      all.push({ type, name, inputs });
      return { id: `${name}-id`, state: { ...inputs, stdout: JSON.stringify(RESULTS[name] ?? name) } };
    },
    call: ({ token }) => assert.fail(token),
  });
  const settings = settingsOf(changes);
  const paths = pathsOf("/project", "local", settings.stateDirectory);
  new LocalMachine("machine", { settings, architecture: machineArchitecture(settings), project: "/project", paths });
  await settled(all);
  return Object.fromEntries(
    all.filter(({ type }) => type === "command:local:Command").map(({ name, inputs }) => [name, inputs]),
  );
}

function settingsOf(changes: Config): Settings {
  const parsed = parseSettings(
    Object.fromEntries(
      Object.entries(changes).map(([key, value]) => [
        `cloister:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  );
  if (!("settings" in parsed)) assert.fail(JSON.stringify(parsed.problems));
  return parsed.settings;
}

/** Judges a change by the steps that run again for it: a changed input runs a step's `create`, a changed trigger both halves. */
function effectOf(before: Readonly<Record<string, Inputs>>, after: Readonly<Record<string, Inputs>>): Effect {
  const changed = (step: string): boolean => !isDeepStrictEqual(before[step], after[step]);
  const root = (steps: Readonly<Record<string, Inputs>>): string => {
    const { environment } = steps["machine-session-disk"] as { environment: { CLOISTER_STEP_INPUT: string } };
    return (JSON.parse(environment.CLOISTER_STEP_INPUT) as { root: string }).root;
  };
  const triggers = (step: string) => [before[step]?.["triggers"], after[step]?.["triggers"]] as const;
  // A session disk that is there is kept and grown by its step; in another folder there is none.
  if (root(before) !== root(after) || !isDeepStrictEqual(...triggers("machine-session-disk"))) return "new disk";
  if (changed("machine-root-disk")) return "new machine";
  return changed("machine") || changed("machine-session-disk") ? "restart" : "in place";
}

describe("what a change of configuration does, on the local target", function () {
  this.timeout(20_000);
  /** Where the example of the reference would change nothing. */
  const CHANGES: Config = {
    model: "another",
    architecture: process.arch === "arm64" ? "amd64" : "arm64",
  };
  let plain: Readonly<Record<string, Inputs>>;
  before(async () => {
    plain = await stepsOf({});
  });

  it("tells a machine the release of Ubuntu that it is to be, where that is the newer one", async () => {
    const told = async (baseImage: string) => JSON.stringify((await stepsOf({ baseImage }))["machine-seed"]);
    assert.match(await told("ubuntu-24.04"), /ubuntu\W+24\.04/);
    for (const older of ["ubuntu-22.04", "auto"]) assert.doesNotMatch(await told(older), /ubuntu\W+2\d\.04/);
  });

  // A change of the target is another program: see `infra/index.ts`.
  for (const { path, example, change } of reference().filter(({ path }) => path !== "target")) {
    const { local } = change;
    it(`${path}: ${local ?? "nothing"}, as the reference says`, async () => {
      const after = await stepsOf({ [path]: CHANGES[path] ?? example });
      if (local === undefined) assert.deepEqual(after, plain);
      else assert.equal(effectOf(plain, after), local);
    });
  }

  for (const [what, before, after, expected] of [
    ["more memory than sessions use of it", { memoryMiB: 4915 }, { memoryMiB: 8192 }, "restart"],
    ["less memory than that", { memoryMiB: 4914 }, { memoryMiB: 8192 }, "new machine"],
    ["a session disk below 10 GiB", { sessionDiskGiB: 8 }, { sessionDiskGiB: 9 }, "new machine"],
  ] as const) {
    it(`${what}: ${expected}`, async () =>
      assert.equal(effectOf(await stepsOf(before), await stepsOf(after)), expected));
  }
});
