import assert from "node:assert/strict";
import fc from "fast-check";
import { hostServices, parseHostService } from "../../../../../infra/local/network/host-access.ts";
import { parseSettings } from "../../../../../infra/settings/settings.ts";

describe("cloister:hostAccess", () => {
  it("names one service each, as the machine dials it", () => {
    assert.deepEqual(hostServices(["localhost:8080", "127.0.0.1:81", "192.168.1.9:443", "[FD00::0:9]:443"]), [
      { address: "10.0.2.2", port: 8080 },
      { address: "10.0.2.2", port: 81 },
      { address: "192.168.1.9", port: 443 },
      { address: "fd00::9", port: 443 },
    ]);
  });

  it("refuses what names no single service", () => {
    for (const [entry, why] of [
      ["192.168.1.9", /write ADDRESS:PORT/],
      ["192.168.1.9:0", /write ADDRESS:PORT/],
      ["192.168.1.9:65536", /write ADDRESS:PORT/],
      ["192.168.1.0/24:80", /names are not looked up/],
      ["printer.lan:80", /names are not looked up/],
      ["fd00::9:443", /write ADDRESS:PORT/],
      ["[192.168.1.9]:80", /names are not looked up/],
      ["http://192.168.1.9:80", /write ADDRESS:PORT/],
      // QEMU's user network would make the loopback of this computer of it.
      ["10.0.2.50:80", /the machine's own network/],
      ["[fec0::50]:80", /the machine's own network/],
      ["0.0.0.0:80", /no host/],
      ["255.255.255.255:67", /no host/],
      ["127.0.0.53:53", /only this computer's/],
      ["[::1]:80", /only this computer's/],
      ["[::ffff:127.0.0.1]:80", /only this computer's/],
      ["169.254.169.254:80", /metadata services/],
      ["[fd00:ec2::254]:80", /metadata services/],
      ["", /write ADDRESS:PORT/],
    ] as const)
      assert.match(String(parseHostService(entry)), why, entry);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.string(), (entry) => void parseHostService(entry)));
  });

  it("is told with the other problems of the configuration", () => {
    const { problems } = parseSettings({
      "cloister:hostAccess": '["localhost:80","printer:80"]',
      "cloister:cpus": "0",
    });
    assert.deepEqual(
      problems.map(({ path, value }) => [path, value]),
      [
        ["cloister:cpus", '"0"'],
        ["cloister:hostAccess[1]", '"printer:80"'],
      ],
    );
    assert.deepEqual(parseSettings({ "cloister:hostAccess": '["localhost:80"]' }).problems, []);
  });
});
