import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { choosePort, portProblem } from "../../../../infra/local/host/port.ts";
import { pathsIn } from "../../../../infra/local/paths.ts";
import { type HostFacts, notices, preflight } from "../../../../infra/local/preflight.ts";
import { parseSettings, type Settings } from "../../../../infra/settings/settings.ts";
import { REPOSITORY } from "../../../../rehearsal/project-copy.ts";

const parsed = parseSettings({ "cloister:sshPort": "2222" });
const settings = (parsed as { settings: Settings }).settings;
const paths = pathsIn("/state");
const good: HostFacts = {
  missing: [],
  freeMemoryMiB: 8192,
  totalMemoryMiB: 16_384,
  freeDiskMiB: 20_000,
  running: false,
  disksExist: false,
};
const pathsOfProblems = (facts: Partial<HostFacts>) =>
  preflight(settings, { ...good, ...facts }, paths).map((p) => p.path);

describe("preflight", () => {
  it("finds nothing wrong with a computer that has what is needed", () => {
    assert.deepEqual(pathsOfProblems({}), []);
  });

  it("refuses too little memory, too little disk, a busy port and missing programs, all at once", () => {
    assert.deepEqual(
      pathsOfProblems({
        freeMemoryMiB: 1000,
        freeDiskMiB: 100,
        portProblem: "is taken",
        missing: ["the program qemu-img"],
      }),
      ["this computer", "cloister:memoryMiB", "cloister:stateDirectory", "cloister:sshPort"],
    );
  });

  it("counts neither memory nor port of a machine that already runs", () => {
    assert.deepEqual(pathsOfProblems({ freeMemoryMiB: 1000, portProblem: "is taken", running: true }), []);
  });

  it("refuses more memory than there is, whether the machine runs or not", () => {
    for (const running of [true, false]) {
      assert.deepEqual(pathsOfProblems({ totalMemoryMiB: 4095, running }), ["cloister:memoryMiB"]);
      assert.deepEqual(pathsOfProblems({ totalMemoryMiB: 4096, running }), []);
    }
  });

  it("tells that a machine restarts when its session disk grows, and only then", () => {
    const told = (running: boolean, sessionDiskGiB?: number) =>
      notices(settings, { running, ...(sessionDiskGiB === undefined ? {} : { sessionDiskGiB }) });
    assert.match(told(true, 9).join(), /grows from 9 to 10 GiB: the machine restarts, and all that runs on it ends/);
    assert.deepEqual([told(true, 10), told(true), told(false, 9)], [[], [], []]);
  });

  it("refuses a session disk that is smaller than the one that is there", () => {
    assert.deepEqual(pathsOfProblems({ sessionDiskGiB: 11 }), ["cloister:sessionDiskGiB"]);
    for (const sessionDiskGiB of [9, 10]) assert.deepEqual(pathsOfProblems({ sessionDiskGiB }), []);
  });

  it("asks for room only while there are no disks", () => {
    assert.deepEqual(pathsOfProblems({ freeDiskMiB: 100, disksExist: true }), []);
  });
});

describe("the ssh port", () => {
  it("is seen as taken while a program listens on it, and as free afterwards", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    assert.match((await portProblem(port)) ?? "", /^is taken by another program/);
    await assert.rejects(choosePort(port, "/state"), new RegExp(`port ${port} .*is taken`));
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await portProblem(port), undefined);
    assert.equal(await choosePort(port, "/state"), port);
  });

  it("is the same for the same folder, and the next when that is taken", async () => {
    const none = async () => undefined;
    const first = await choosePort(0, "/state", none);
    assert.equal(await choosePort(0, "/state", none), first);
    const second = await choosePort(0, "/state", async (port) => (port === first ? "is taken" : undefined));
    assert.equal(second, first === 29_999 ? 20_000 : first + 1);
  });

  it("is said to be missing, and not taken, on a computer without 127.0.0.1", async function () {
    const program = `import { choosePort, portProblem } from ${JSON.stringify(join(REPOSITORY, "infra/local/host/port.ts"))};
      console.log(await portProblem(22222));
      await choosePort(0, "/state").catch((error) => console.log(error.message));`;
    const args = [process.execPath, "--import", "tsx", "--input-type=module", "--eval", program];
    const run = async (...before: string[]) =>
      await execa("unshare", [...before, ...args], { cwd: REPOSITORY, reject: false });
    const { failed, stdout } = await run("--map-root-user", "--net");
    // The control, with this computer's own loopback.
    assert.equal((await run()).stdout, "undefined");
    if (failed) this.skip();
    const [wanted = "", any = "", ...more] = stdout.split("\n");
    assert.match(
      wanted,
      /^cannot be had: .* no loopback address 127\.0\.0\.1\. Bring it up: ip link set lo up; or give it the address: .*\.$/,
    );
    assert.match(any, /no loopback address/);
    assert.deepEqual(more, []);
  });
});
