import assert from "node:assert/strict";
import { containerStatus } from "../../../../cli/container/fleet.ts";
import { OperatorOutputs } from "../../../../contract/outputs.ts";
import { parseSettings } from "../../../../infra/settings/settings.ts";

const OUTPUTS = {
  target: "container",
  engine: "podman",
  image: "localhost/cloister:0123456789ab",
  container: "cloister-container",
  containerId: "c0ffee",
  verification: { ok: true, rows: 60, kept: 50, differs: ["O3"] },
} as const;

describe("a container stack", () => {
  it("is configured by keys of its own, and wrong ones are refused at once", () => {
    const config = {
      "cloister:target": "container",
      "cloister:engine": "docker",
      "cloister:folders": JSON.stringify({ site: { path: "../site", mode: "rwd" } }),
    };
    const right = parseSettings(config);
    assert.ok("settings" in right);
    assert.deepEqual(right.settings.folders, { site: { path: "../site", mode: "rwd" } });
    assert.equal(right.settings.containerBase, "");
    const wrong = parseSettings({
      ...config,
      "cloister:engine": "lxc",
      "cloister:containerBase": "--privileged",
      "cloister:folders": JSON.stringify({ "a b": { path: "x", mode: "rx" } }),
    });
    const paths = wrong.problems.map(({ path }) => path).join(" ");
    for (const key of ["engine", "containerBase", "folders"]) assert.ok(paths.includes(`cloister:${key}`), paths);
  });

  it("has outputs that the operator's command reads, and is one machine", () => {
    const outputs = OperatorOutputs.parse(OUTPUTS);
    assert.ok(outputs.target === "container");
    const running = containerStatus(outputs, "running", "bring it up");
    assert.deepEqual(
      [running.name, running.state, running.verification.verdict, running.help],
      ["container", "running", "passed", undefined],
    );
    assert.match(running.verification.by, /50 of 60 rows ok, O3 differ/);
    const gone = containerStatus(outputs, "gone", "bring it up");
    assert.deepEqual([gone.verification.verdict, gone.help], ["unknown", "bring it up"]);
  });
});
