import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeProblem } from "../../../../contract/problem.ts";
import type { EgressDecision } from "../../../../guest/egress/decision.ts";
import { guardWith, parsePrivate } from "../../../../guest/egress/private.ts";
import { EgressProxy } from "../../../../guest/egress/proxy.ts";
import { resolveFrom, testPolicy } from "../../../support/sandbox.ts";

describe("exceptions for hosts with private addresses", () => {
  it("are for one name and one private range each", () => {
    const { exceptions, problems } = parsePrivate([
      "Registry.Corp.example=10.20.0.0/16",
      "npm.example=198.18.0.0/15",
      "six.example=fd12:3456::/32",
    ]);
    assert.deepEqual(problems, []);
    assert.deepEqual(exceptions, [
      { host: "registry.corp.example", range: "10.20.0.0/16" },
      { host: "npm.example", range: "198.18.0.0/15" },
      { host: "six.example", range: "fd12:3456::/32" },
    ]);
  });

  it("are never for metadata services, link-local addresses, loopback or the machine, and all is told at once", () => {
    const wrong: [string, RegExp][] = [
      ["m.example=169.254.169.254/32", /link-local.*has no exceptions/],
      ["m.example=169.254.0.0/16", /link-local/],
      ["m.example=168.63.129.16/32", /a metadata service/],
      ["m.example=fd00:ec2::254/128", /of a metadata service/],
      ["m.example=100.100.100.200/32", /of a metadata service/],
      ["m.example=127.0.0.0/8", /loopback/],
      ["m.example=::1/128", /this host/],
      ["m.example=fe80::/10", /link-local/],
      ["m.example=0.0.0.0/0", /this host/],
      ["m.example=::/0", /this host/],
      ["m.example=10.0.0.0/7", /private network/],
      ["m.example=8.8.8.0/24", /needs no exception/],
      ["localhost=10.0.0.0/8", /loopback/],
      ["*.example=10.0.0.0/8", /not a host/],
      ["10.1.2.3=10.0.0.0/8", /an exception is for a name/],
      ["m.example=10.0.0.0", /write HOST=ADDRESS\/PREFIX/],
      ["m.example", /write HOST=ADDRESS\/PREFIX/],
      ["m.example=10.0.0.0/33", /write HOST=ADDRESS\/PREFIX/],
    ];
    const problems = parsePrivate(wrong.map(([entry]) => entry)).problems.map(describeProblem);
    assert.equal(problems.length, wrong.length);
    for (const [i, [entry, why]] of wrong.entries()) {
      assert.ok(problems[i]?.includes(JSON.stringify(entry)), problems[i]);
      assert.match(problems[i] ?? "", why);
    }
  });

  it("let a name lead into its range, and nowhere else, whatever else the range has", async () => {
    const look = (address: string, range: string): Promise<string> =>
      new Promise((resolve) => {
        const guard = guardWith([{ host: "r.example", range }], resolveFrom({ "r.example": address }));
        guard.lookupFor(443)("r.example", {}, (error, found) => resolve(error ? error.message : String(found)));
      });
    assert.equal(await look("10.20.1.1", "10.20.0.0/16"), "10.20.1.1");
    assert.match(await look("10.21.1.1", "10.20.0.0/16"), /a listed address/);
    assert.match(await look("192.168.0.1", "10.0.0.0/8"), /a listed address/);
    assert.match(await look("169.254.169.254", "10.0.0.0/8"), /a listed address/);
    assert.match(await look("64:ff9b::a9fe:a9fe", "10.0.0.0/8"), /a listed address/);
    assert.match(await look("100.100.100.200", "100.64.0.0/10"), /metadata/);
    assert.match(await look("fd00:ec2::254", "fc00::/7"), /metadata/);
    assert.equal(await look("93.184.216.34", "10.0.0.0/8"), "93.184.216.34", "a public address needs none");
  });
});

describe("a name that leads to a private address", () => {
  let folder: string;
  let proxy: EgressProxy;
  const decisions: EgressDecision[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-private-"));
    const names = ["fake.example", "vpn.example", "inside.example", "excepted.example", "meta.example"];
    proxy = new EgressProxy({
      session: "calm-testing-turing",
      folder,
      policy: {
        ...testPolicy(names),
        privateExceptions: [
          { host: "excepted.example", range: "192.0.2.0/24" },
          { host: "excepted.example", range: "10.255.255.0/24" },
        ],
      },
      resolver: resolveFrom({
        "fake.example": "198.18.3.4",
        "vpn.example": "100.99.1.2",
        "inside.example": "10.255.255.1",
        "excepted.example": "10.255.255.1",
        "meta.example": "169.254.169.254",
      }),
    });
    proxy.on("decision", (decision) => decisions.push(decision));
    await proxy.start();
  });
  beforeEach(() => {
    decisions.length = 0;
  });
  after(async () => {
    await proxy.stop();
    await rm(folder, { recursive: true });
  });

  const get = async (host: string): Promise<string> => {
    const authorization = `Basic ${Buffer.from(`srt:${proxy.token}`).toString("base64")}`;
    const asked = request({
      socketPath: proxy.httpSocket,
      path: `http://${host}:1/`,
      headers: { host, "proxy-authorization": authorization },
      timeout: 1_500,
    });
    asked.on("timeout", () => asked.destroy(new Error("it was dialled")));
    asked.end();
    return await Promise.race([
      once(asked, "response").then(async ([response]) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        return body;
      }),
      once(asked, "error").then(([error]) => (error as Error).message),
    ]);
  };
  const reason = () => decisions.find(({ verdict }) => verdict === "denied")?.reason ?? "";

  it("is refused with host, address, range and the likely cause; the session hears all but the address", async () => {
    for (const [host, address, range, cause] of [
      ["fake.example", "198.18.3.4", "198.18.0.0/15", /VPN client.*fake IP/],
      ["vpn.example", "100.99.1.2", "100.64.0.0/10", /VPN client/],
      ["inside.example", "10.255.255.1", "10.0.0.0/8", /DNS of a private network/],
    ] as const) {
      decisions.length = 0;
      const told = await get(host);
      for (const part of [host, address, range]) assert.ok(reason().includes(part), reason());
      assert.match(reason(), cause);
      assert.ok(reason().includes(`--allow-private ${host}=${address}/32`), reason());
      assert.ok(told.includes(range), told);
      assert.match(told, cause);
      assert.ok(!told.includes(address), told);
    }
  });

  it("has no remedy where there is none", async () => {
    await get("meta.example");
    assert.match(reason(), /meta\.example is 169\.254\.169\.254, in 169\.254\.0\.0\/16/);
    assert.doesNotMatch(reason(), /--allow-private/);
  });

  it("is dialled where it has an exception, and that one only", async () => {
    await get("excepted.example");
    assert.equal(reason(), "", "nothing is denied");
    assert.ok(decisions.some(({ host, verdict }) => host === "excepted.example" && verdict === "allowed"));
    await get("inside.example");
    assert.notEqual(reason(), "", "the control: another name of the same address");
  });
});
