import assert from "node:assert/strict";
import { resolveMachine, resolvePool } from "../../../../infra/aws/plan/resolve.ts";
import { zoneFor, zonesOf } from "../../../../infra/aws/plan/zones.ts";
import { settingsOf } from "./settings.ts";

describe("the values of machines and pools", () => {
  const settings = settingsOf("dev", {
    "cloister:instanceType": "m8g.large",
    "cloister:sessionDiskGiB": 20,
    "cloister:machines": { plain: {}, own: { zone: "eu-central-1a", instanceType: "r8g.large", sessionDiskGiB: 40 } },
    "cloister:pools": { plain: {}, own: { instanceType: "c8g.large", drainSeconds: 60 } },
  });

  it("are those of the stack where a machine has none of its own", () => {
    const zone = zoneFor("plain", zonesOf(settings));
    assert.deepEqual(resolveMachine(settings, "plain"), { zone, instanceType: "m8g.large", sessionDiskGiB: 20 });
  });

  it("are a machine's own where it has some", () => {
    const own = { zone: "eu-central-1a", instanceType: "r8g.large", sessionDiskGiB: 40 };
    assert.deepEqual(resolveMachine(settings, "own"), own);
  });

  it("are a pool's own, or those of the stack", () => {
    const of = (name: string) => {
      const { instanceType, sessionDiskGiB, drainSeconds } = resolvePool(settings, name);
      return [instanceType, sessionDiskGiB, drainSeconds];
    };
    assert.deepEqual(of("plain"), ["m8g.large", 20, 900]);
    assert.deepEqual(of("own"), ["c8g.large", 20, 60]);
    assert.throws(() => resolvePool(settings, "another"), /has no pool another/);
  });
});
