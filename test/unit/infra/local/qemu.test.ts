import assert from "node:assert/strict";
import { pathsIn } from "../../../../infra/local/paths.ts";
import { processorArguments, type QemuSpec, qemuArguments } from "../../../../infra/local/qemu.ts";

const firmware = { code: "/fw/code.fd", variables: "/fw/vars.fd" };
const spec: QemuSpec = {
  architecture: "amd64",
  accelerator: "tcg",
  cpus: 4,
  memoryMiB: 4096,
  sshPort: 22022,
  firmware,
};
const paths = pathsIn("/state");
const valuesOf = (args: readonly string[], option: string): string[] =>
  args.flatMap((arg, i) => (arg === option ? [args[i + 1] ?? ""] : []));

describe("QEMU's command line", () => {
  const args = qemuArguments(spec, paths);

  it("gives the machine its CPUs and memory", () => {
    assert.deepEqual(valuesOf(args, "-smp"), ["4"]);
    assert.deepEqual(valuesOf(args, "-m"), ["4096"]);
  });

  it("runs QEMU behind its own sandbox, without default devices", () => {
    assert.deepEqual(valuesOf(args, "-sandbox"), [
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]);
    assert.ok(args.includes("-nodefaults"));
  });

  it("listens on loopback only, on one port", () => {
    const [network = "", ...others] = valuesOf(args, "-netdev");
    assert.deepEqual(others, []);
    assert.match(network, /^user,id=net,net=10\.0\.2\.0\/24,/);
    assert.deepEqual(network.match(/hostfwd=[^,]*/g), ["hostfwd=tcp:127.0.0.1:22022-:22"]);
  });

  it("leads all that the machine sends through the filter", () => {
    assert.deepEqual(
      valuesOf(args, "-object").filter((object) => !object.startsWith("rng-")),
      ["filter-redirector,id=filter,netdev=net,queue=rx,outdev=to-filter,indev=from-filter"],
    );
    assert.deepEqual(
      valuesOf(args, "-chardev").filter((device) => device.startsWith("socket")),
      ["socket,id=to-filter,fd=3", "socket,id=from-filter,fd=4"],
    );
  });

  it("attaches root, session and runtime disk as NVMe with the serials that the machine looks for", () => {
    const nvme = valuesOf(args, "-device").filter((device) => device.startsWith("nvme,"));
    assert.deepEqual(nvme, [
      "nvme,drive=root,serial=cloister-root,bootindex=1",
      "nvme,drive=session,serial=cloister-session",
      "nvme,drive=runtime,serial=cloister-runtime",
    ]);
    const runtime = valuesOf(args, "-drive").find((drive) => drive.includes("id=runtime"));
    assert.match(runtime ?? "", /readonly=on/);
  });

  it("boots through UEFI, with variables of the machine's own", () => {
    const flash = valuesOf(args, "-drive").filter((drive) => drive.startsWith("if=pflash"));
    assert.equal(flash.length, 2);
    assert.match(flash[0] ?? "", /readonly=on,file=\/fw\/code\.fd/);
    assert.match(flash[1] ?? "", /file=\/state\/firmware-variables\.fd/);
    assert.ok(!args.includes("-kernel"));
  });

  it("starts a kernel directly only when told to", () => {
    const direct = qemuArguments({ ...spec, kernel: { image: "/k", commandLine: "root=LABEL=x" } }, paths);
    assert.deepEqual(valuesOf(direct, "-append"), ["root=LABEL=x"]);
    assert.ok(!valuesOf(direct, "-drive").some((drive) => drive.startsWith("if=pflash")));
  });

  it("emulates an arm64 machine with all CPU features of the reference", () => {
    const arm = qemuArguments({ ...spec, architecture: "arm64" }, paths);
    assert.deepEqual(valuesOf(arm, "-cpu"), ["max,pauth-impdef=on"]);
    assert.match(valuesOf(arm, "-machine")[0] ?? "", /^virt,gic-version=3/);
  });

  it("uses the real CPU where it is accelerated", () => {
    assert.deepEqual(valuesOf(qemuArguments({ ...spec, accelerator: "kvm" }, paths), "-cpu"), ["host"]);
  });

  it("asks for nothing that QEMU was built without, in a trial as in a start", () => {
    const features = { sandbox: false, processName: false };
    const bare = qemuArguments({ ...spec, features }, paths);
    assert.ok(!bare.includes("-sandbox"));
    assert.deepEqual(valuesOf(bare, "-name"), [paths.marker]);
    for (const accelerator of ["hvf", "kvm", "tcg"] as const) {
      for (const architecture of ["arm64", "amd64"] as const) {
        const trial = processorArguments({ accelerator, architecture, cpus: 4, features }, paths.marker);
        const start = qemuArguments({ ...spec, accelerator, architecture, features }, paths);
        assert.deepEqual(start.slice(0, trial.length), trial);
      }
    }
  });

  it("takes firmware in the format in which it is there", () => {
    const firmware = { code: "/c.qcow2", variables: "/v.qcow2", format: "qcow2" } as const;
    const flash = valuesOf(qemuArguments({ ...spec, firmware }, paths), "-drive").filter((drive) =>
      /pflash/.test(drive),
    );
    assert.deepEqual(
      flash.map((drive) => /format=(\w+)/.exec(drive)?.[1]),
      ["qcow2", "qcow2"],
    );
  });

  it("keeps a comma in a folder's name from becoming an option", () => {
    const odd = qemuArguments(spec, pathsIn("/state,readonly=on"));
    assert.ok(valuesOf(odd, "-drive").some((drive) => drive.endsWith("file=/state,,readonly=on/root.qcow2")));
  });
});
