import assert from "node:assert/strict";
import { choose } from "../../../../images/base/choose.ts";
import { BASE_IMAGES } from "../../../../images/base/types.ts";

const nothing = { ubuntu: false, standIn: false };
const unasked = async (): Promise<boolean> => assert.fail("the network was asked");

describe("choice of the base image", () => {
  it("is Ubuntu where its host answers", async () => {
    const { name } = await choose({ choice: "auto", cached: nothing, reachable: async () => true });
    assert.equal(name, "ubuntu-22.04");
  });

  it("is the stand-in where it does not, and says so", async () => {
    const { name, why } = await choose({ choice: "auto", cached: nothing, reachable: async () => false });
    assert.equal(name, "debian-13-stand-in");
    assert.match(why, /cannot be reached/);
  });

  it("is what the configuration says, without asking the network", async () => {
    for (const choice of BASE_IMAGES.filter((name) => name !== "auto")) {
      const cached = { ubuntu: true, standIn: true };
      assert.equal((await choose({ choice, cached, reachable: unasked })).name, choice);
    }
  });

  it("keeps to what is in the cache, Ubuntu first, so that a passing outage replaces no machine", async () => {
    const chosen = async (ubuntu: boolean, standIn: boolean) =>
      (await choose({ choice: "auto", cached: { ubuntu, standIn }, reachable: unasked })).name;
    assert.equal(await chosen(true, true), "ubuntu-22.04");
    assert.equal(await chosen(true, false), "ubuntu-22.04");
    assert.equal(await chosen(false, true), "debian-13-stand-in");
  });

  it("tells how to get Ubuntu when a cached stand-in is kept", async () => {
    const { why } = await choose({ choice: "auto", cached: { ubuntu: false, standIn: true }, reachable: unasked });
    assert.match(why, /set baseImage to "ubuntu-22.04"/);
  });
});
