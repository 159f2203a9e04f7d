import assert from "node:assert/strict";
import { ADDRESSES, PORT, UserNetwork } from "../support/local/user-network.ts";
import { ends } from "../support/processes.ts";

/** Further ports: of services that are configured as reachable. */
const ALLOWED = 9090;

/** What the root of a machine may try, where in the machine it dials, and where the listener is that must not hear of it. */
const FORBIDDEN = [
  ["the computer's loopback at the gateway", "10.0.2.2", "127.0.0.1"],
  ["its loopback by IPv6", "fec0::2", "::1"],
  ["its private address", ADDRESSES.host.lan, ADDRESSES.host.lan],
  ["its private address by IPv6", ADDRESSES.host.lan6, ADDRESSES.host.lan6],
  ["its public address", ADDRESSES.host.public, ADDRESSES.host.public],
  ["its public address by IPv6", ADDRESSES.host.public6, ADDRESSES.host.public6],
  ["a neighbour in its private network", ADDRESSES.neighbour.lan, ADDRESSES.neighbour.lan],
  ["a neighbour in its private network by IPv6", ADDRESSES.neighbour.lan6, ADDRESSES.neighbour.lan6],
  ["a neighbour with a public address", ADDRESSES.neighbour.public, ADDRESSES.neighbour.public],
  ["a neighbour with a public address by IPv6", ADDRESSES.neighbour.public6, ADDRESSES.neighbour.public6],
] as const;

/** The same, which only some versions of the user network lead to the computer's loopback. */
const FORBIDDEN_BY_VERSION = [
  ["its loopback at any other address of the machine's network", "10.0.2.77", "127.0.0.1"],
  ["another port at the address for DNS", "10.0.2.3", ADDRESSES.dns],
] as const;

/** QEMU's real user network behind the real filter; instead of a machine, a network namespace of which we are root. */
describe("the network of a local machine", function () {
  this.timeout(60_000);
  this.slow(20_000);
  let network: UserNetwork;

  before(async function () {
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip();
    network = await UserNetwork.create();
    const { host, neighbour, internet, dns } = ADDRESSES;
    for (const address of ["127.0.0.1", "::1", dns, ...Object.values(host)])
      await network.listen("host", address, PORT, "host");
    await network.listen("lan", neighbour.lan, PORT, "neighbour");
    await network.listen("lan", neighbour.lan6, PORT, "neighbour");
    for (const address of [neighbour.public, neighbour.public6])
      await network.listen("internet", address, PORT, "neighbour");
    for (const address of Object.values(internet)) await network.listen("internet", address, PORT, "internet");
    await network.listen("host", "127.0.0.1", ALLOWED, "service");
    await network.listen("lan", neighbour.lan, ALLOWED, "printer");
    await network.listen("host", dns, 53, "dns");
    await network.listen("machine", "0.0.0.0", 22, "ssh");
  });
  after(async () => await network?.dispose());
  afterEach(async () => await network?.stop());

  const filtered = async (...hostAccess: string[]) => await network.start({ hostAccess });

  it("reaches nothing of the computer and of its networks, by TCP or UDP", async () => {
    await filtered();
    await Promise.all(
      [...FORBIDDEN, ...FORBIDDEN_BY_VERSION].map(async ([what, dialled, listener]) => {
        const word = await network.dial("machine", dialled, PORT);
        assert.equal(word, undefined, what);
        assert.equal(await network.send("machine", dialled, PORT, "x"), undefined, `${what}, UDP`);
        assert.match((await network.dial("host", listener, PORT)) ?? "", /host|neighbour/, `the control: ${what}`);
      }),
    );
  });

  it("would reach all of that without the filter", async () => {
    await network.start({ filtered: false });
    const reached = await Promise.all(
      FORBIDDEN.map(async ([what, dialled]) => ({ what, word: await network.dial("machine", dialled, PORT) })),
    );
    assert.deepEqual(
      reached.filter(({ word }) => word === undefined).map(({ what }) => what),
      [],
    );
  });

  it("reaches the internet and the computer's name server, and is reached by ssh", async () => {
    await filtered();
    const { ipv4, ipv6 } = ADDRESSES.internet;
    assert.equal(await network.dial("machine", ipv4, PORT), "internet");
    assert.equal(await network.dial("machine", ipv6, PORT), "internet");
    assert.equal(await network.send("machine", ipv4, PORT, "question"), "question");
    assert.equal(await network.send("machine", "10.0.2.3", 53, "question"), "question");
    assert.equal(await network.dial("machine", "10.0.2.3", 53), "dns");
    assert.equal(await network.dial("host", "127.0.0.1", network.sshPort), "ssh");
    assert.equal(await network.dial("lan", ADDRESSES.host.lan, network.sshPort), undefined, "from loopback only");
  });

  it("reaches what is configured, and only on its port", async () => {
    const { lan } = ADDRESSES.neighbour;
    await filtered(`localhost:${ALLOWED}`, `${lan}:${ALLOWED}`);
    assert.equal(await network.dial("machine", "10.0.2.2", ALLOWED), "service");
    assert.equal(await network.dial("machine", lan, ALLOWED), "printer");
    assert.equal(await network.dial("machine", "10.0.2.2", PORT), undefined);
    assert.equal(await network.dial("machine", lan, PORT), undefined);
    await network.stop();
    await filtered();
    assert.equal(await network.dial("machine", lan, ALLOWED), undefined, "the control: not configured");
  });

  for (const [killed, other] of [
    ["filter", "qemu"],
    ["qemu", "filter"],
  ] as const) {
    it(`ends as a whole when its ${killed} is killed`, async () => {
      await filtered();
      const { processes } = network;
      process.kill(processes[killed], "SIGKILL");
      await ends(processes[other]);
    });
  }
});
