import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type DiskFacts, type Partition, problemsOf } from "../../../../images/base/debian/assert.ts";
import { buildEnvironment, isolated, progressOf } from "../../../../images/base/debian/build.ts";
import { DEBIAN_KIND, ensureDebianImage } from "../../../../images/base/debian/image.ts";
import { MIRROR_VARIABLE, mirrorOf, repositoriesOf } from "../../../../images/base/debian/mirror.ts";
import { debianKey, IDENTIFIERS, kernelCommandLine, packages } from "../../../../images/base/debian/recipe.ts";
import { BOOT_SUITE, RELEASES } from "../../../../images/base/debian/releases.ts";
import { baseImageKey } from "../../../../images/base/key.ts";
import { BASE_IMAGES } from "../../../../images/base/types.ts";
import { Store } from "../../../../lib/store.ts";

const MIB = 1 << 20;

/** A disk on which everything is as it must be. */
function goodDisk(): DiskFacts {
  return {
    table: "gpt",
    partitions: [
      { number: 15, start: MIB, size: 99 * MIB, type: IDENTIFIERS.espType, uuid: IDENTIFIERS.esp },
      { number: 1, start: 100 * MIB, size: 1947 * MIB, type: IDENTIFIERS.rootType.amd64, uuid: IDENTIFIERS.root },
    ],
    root: {
      label: "cloudimg-rootfs",
      sound: true,
      files: {
        "/etc/machine-id": "",
        "/etc/hostname": "localhost",
        "/etc/fstab": "LABEL=cloudimg-rootfs / ext4\nLABEL=UEFI /boot/efi vfat",
      },
      folders: {
        "/etc/ssh": ["sshd_config"],
        "/etc/apt": ["apt.conf.d", "sources.list.d"],
        "/etc/apt/apt.conf.d": ["01autoremove"],
        "/var/lib/apt/lists": [],
        "/var/log": [],
        "/boot": ["vmlinuz-6.12", "efi"],
        "/tmp": [],
        "/etc/systemd/system/multi-user.target.wants": ["cloud-init.target", "ssh.service", "systemd-networkd.service"],
      },
      links: { "/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf" },
    },
    esp: { label: "UEFI", programs: ["::/EFI/BOOT/BOOTX64.EFI"] },
    cmdline: kernelCommandLine("amd64"),
    packages: packages("amd64"),
  };
}

type Change = (disk: DiskFacts) => DiskFacts;
const root =
  (part: Partial<DiskFacts["root"]>): Change =>
  (disk) => ({ ...disk, root: { ...disk.root, ...part } });
const file = (path: string, content: string): Change => {
  return (disk) => root({ files: { ...disk.root.files, [path]: content } })(disk);
};
const folder = (path: string, names: string[]): Change => {
  return (disk) => root({ folders: { ...disk.root.folders, [path]: names } })(disk);
};
const partitions =
  (change: (partition: Partition) => Partial<Partition>): Change =>
  (disk) => ({ ...disk, partitions: disk.partitions.map((one) => ({ ...one, ...change(one) })) });

describe("a built disk", () => {
  it("passes when everything is as it must be", () => {
    assert.deepEqual(problemsOf(goodDisk(), "amd64"), []);
  });

  const wrong: [string, Change, RegExp][] = [
    ["an MBR", (disk) => ({ ...disk, table: "dos" }), /partition table is dos/],
    [
      "a third partition",
      (disk) => ({
        ...disk,
        partitions: [...disk.partitions, { ...(disk.partitions[0] as Partition), number: 2 }],
      }),
      /3 partitions/,
    ],
    [
      "a root partition with another number",
      partitions(({ number }) => ({ number: number === 1 ? 2 : number })),
      /partition 1/,
    ],
    [
      "a root partition that the kernel does not find",
      partitions(() => ({ uuid: "0" })),
      /identifier that the kernel looks for/,
    ],
    [
      "a root partition that cannot grow",
      partitions(({ number }) => (number === 15 ? { start: 2000 * MIB } : {})),
      /cannot grow/,
    ],
    ["an ESP of another size", partitions(({ number }) => (number === 15 ? { size: 100 * MIB } : {})), /not 99 MiB/],
    ["another root label", root({ label: "root" }), /label is "root"/],
    ["a broken file system", root({ sound: false }), /has errors/],
    ["another ESP label", (disk) => ({ ...disk, esp: { ...disk.esp, label: "ESP" } }), /label is "ESP"/],
    ["no boot program", (disk) => ({ ...disk, esp: { ...disk.esp, programs: [] } }), /no EFI\/BOOT\/BOOTX64.EFI/],
    ["another kernel command line", (disk) => ({ ...disk, cmdline: "" }), /command line/],
    [
      "a missing package",
      (disk) => ({ ...disk, packages: disk.packages.filter((name) => name !== "socat") }),
      /package socat/,
    ],
    ["no mount of the ESP", file("/etc/fstab", "LABEL=cloudimg-rootfs / ext4"), /LABEL=UEFI/],
    [
      "cloud-init off",
      folder("/etc/systemd/system/multi-user.target.wants", ["ssh.service", "systemd-networkd.service"]),
      /cloud-init.target/,
    ],
    ["a machine id", file("/etc/machine-id", "0123"), /machine-id/],
    ["an ssh host key", folder("/etc/ssh", ["ssh_host_ed25519_key"]), /ssh_host_ed25519_key/],
    [
      "an unreadable /etc/ssh",
      (disk) => root({ folders: { ...disk.root.folders, "/etc/ssh": undefined as never } })(disk),
      /unreadable/,
    ],
    ["the builder's host name", file("/etc/hostname", "laptop"), /laptop/],
    ["the builder's resolver", root({ links: {} }), /resolv.conf/],
    ["the builder's mirror", folder("/etc/apt/sources.list.d", ["mirror.sources"]), /mirror.sources/],
    ["the builder's sources.list", folder("/etc/apt", ["sources.list"]), /sources.list was left/],
    ["the builder's apt settings", folder("/etc/apt/apt.conf.d", ["01autoremove", "99mmdebstrap"]), /99mmdebstrap/],
    ["logs of the build", folder("/var/log", ["dpkg.log"]), /dpkg.log/],
    ["an initrd", folder("/boot", ["initrd.img-6.12"]), /initrd/],
  ];
  for (const [what, change, problem] of wrong) {
    it(`is refused with ${what}`, () => {
      const problems = problemsOf(change(goodDisk()), "amd64");
      assert.ok(
        problems.some((line) => problem.test(line)),
        problems.join("\n"),
      );
    });
  }

  it("is refused for the other architecture", () => {
    assert.ok(problemsOf(goodDisk(), "arm64").length >= 3);
  });
});

describe("Debian's stand-in image", () => {
  let place: string;
  let store: Store;
  let builds: number;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), "cloister-debian-"));
    store = new Store(place);
    builds = 0;
  });
  afterEach(async () => await rm(place, { recursive: true, force: true }));

  const build = async ({ folder: to }: { folder: string }) => {
    builds += 1;
    await writeFile(join(to, "disk.raw"), Buffer.alloc(1 << 20, "x"));
    await writeFile(join(to, "vmlinuz"), "a kernel");
    await writeFile(join(to, "packages.txt"), "bash 5\n");
    await new Promise((done) => setTimeout(done, 50));
  };
  const ensure = async (more: Partial<Parameters<typeof ensureDebianImage>[0]> = {}) =>
    await ensureDebianImage({
      arch: "amd64",
      store,
      report: () => {},
      build,
      inspect: async () => goodDisk(),
      ...more,
    });

  it("is a qcow2 disk with its digest, and a kernel for the direct boot", async () => {
    const image = await ensure();
    const info = JSON.parse((await execa("qemu-img", ["info", "--output=json", image.path])).stdout);
    assert.equal(info.format, "qcow2");
    assert.match(image.digest, /^[0-9a-f]{64}$/);
    assert.equal(image.standIn, true);
    assert.equal(await readFile(image.kernel?.image ?? "", "utf8"), "a kernel");
    assert.match(image.kernel?.cmdline ?? "", /root=PARTUUID=.* rootwait=30 /);
    assert.deepEqual(
      (await readdir(join(image.path, ".."))).filter((name) => /raw|part$/.test(name)),
      [],
    );
  });

  it("is built once, by whichever of two runs comes first", async () => {
    const [one, other] = await Promise.all([ensure(), ensure()]);
    assert.equal(one.digest, other.digest);
    assert.equal(builds, 1);
  });

  it("is built again when its cached copy is damaged", async () => {
    const { path } = await ensure();
    const content = await readFile(path);
    content[content.length - 1] = 1;
    await writeFile(path, content);
    await ensure();
    assert.equal(builds, 2);
  });

  it("is not kept when the build fails, or when what was built is wrong", async () => {
    const failing = async () => {
      throw new Error("no mirror");
    };
    await assert.rejects(ensure({ build: failing }), /no mirror/);
    const unlabelled = async () => root({ label: "" })(goodDisk());
    await assert.rejects(ensure({ inspect: unlabelled }), /not what a machine needs:\n- the root file system's label/);
    assert.equal(await store.check(DEBIAN_KIND, debianKey("amd64")), "absent");
    assert.deepEqual(await readdir(join(place, DEBIAN_KIND)), []);
  });

  it("is found and finished by the next run when one was killed while it built", async () => {
    const script = `
      import { Store } from ${JSON.stringify(join(import.meta.dirname, "../../../../lib/store.ts"))};
      await new Store(${JSON.stringify(place)}).entry(${JSON.stringify(DEBIAN_KIND)}, ${JSON.stringify(debianKey("amd64"))},
        async () => { console.log("building"); await new Promise((done) => setTimeout(done, 60_000)); });`;
    const other = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script]);
    await once(other.stdout, "data");
    other.kill("SIGKILL");
    await once(other, "exit");
    // The lock of a dead process is taken over after 20 s; here nobody else can hold it, so the test does not wait.
    await rm(join(place, DEBIAN_KIND, `.${debianKey("amd64")}.lock`), { recursive: true });
    await ensure();
    const left = (await readdir(join(place, DEBIAN_KIND))).filter((name) => name.startsWith("."));
    assert.deepEqual(left, []);
  });
});

describe("the build's isolation", () => {
  it("makes a namespace of its own only where the user is not root already", () => {
    assert.ok(!isolated(["true"], true).includes("--user"));
    assert.ok(isolated(["true"], false).includes("--map-auto"));
  });

  it("ends everything when this process is killed, and leaves no mount", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const mark = `31${process.pid}.25`;
    const command = isolated(["sh", "-c", `mount -t tmpfs none /mnt; sleep ${mark} & echo up; wait`], true);
    const script = `
      const { spawn } = require("node:child_process");
      const [command, ...rest] = ${JSON.stringify(command)};
      spawn(command, rest, { stdio: "inherit" });`;
    const parent = spawn(process.execPath, ["--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(parent.stdout, "data");
    const running = async () => (await execa("pgrep", ["-f", `sleep ${mark}`], { reject: false })).exitCode === 0;
    assert.equal(await running(), true);
    assert.doesNotMatch(await readFile("/proc/self/mounts", "utf8"), /none \/mnt tmpfs/);
    parent.kill("SIGKILL");
    for (let i = 0; i < 100 && (await running()); i += 1) await new Promise((done) => setTimeout(done, 50));
    assert.equal(await running(), false);
  });
});

describe("what the build is told", () => {
  it("names the architecture wherever it matters", () => {
    const told = buildEnvironment("arm64", "/somewhere", "http://m.example/debian");
    assert.equal(told["EFI_ARCH"], "aa64");
    assert.match(told["PACKAGES"] ?? "", /linux-image-cloud-arm64/);
    assert.match(told["CMDLINE"] ?? "", /console=ttyAMA0/);
    assert.equal(told["ROOT_TYPE"], IDENTIFIERS.rootType.arm64);
  });

  it("names each release's own suite, and where its kernel and its boot program come from", () => {
    const told = (name: keyof typeof RELEASES) => buildEnvironment("amd64", "/x", "http://m/debian", RELEASES[name]);
    const suites = (name: keyof typeof RELEASES) =>
      ["SUITE", "KERNEL_SUITE", "BOOT_SUITE", "BUBBLEWRAP_SUITE"].map((variable) => told(name)[variable]);
    assert.deepEqual(suites("debian-13-stand-in"), ["trixie", "trixie", BOOT_SUITE, "trixie"]);
    assert.deepEqual(suites("debian-12-stand-in"), ["bookworm", "trixie", BOOT_SUITE, "bookworm"]);
    assert.deepEqual(suites("debian-11-stand-in"), ["bullseye", "trixie", BOOT_SUITE, "bookworm"]);
    assert.match(told("debian-13-stand-in")["PACKAGES"] ?? "", /systemd-ukify/);
    // The older releases have no such packages, and mmdebstrap ends at the first that it does not know.
    for (const name of ["debian-12-stand-in", "debian-11-stand-in"] as const)
      assert.doesNotMatch(told(name)["PACKAGES"] ?? "", /systemd-(ukify|repart)/);
    assert.doesNotMatch(told("debian-11-stand-in")["PACKAGES"] ?? "", /systemd-resolved/);
  });

  it("reports stages, not noise", () => {
    assert.equal(progressOf("::making the disk"), "Debian image: making the disk");
    assert.equal(progressOf("I: downloading packages with apt..."), "Debian image: downloading packages with apt");
    for (const noise of ["Setting up git", "I: running --customize-hook", "I: success in 60 seconds", ""]) {
      assert.equal(progressOf(noise), undefined);
    }
  });
});

describe("the mirror", () => {
  const lines = (...sources: string[][]) => ({ sources: sources.map((source) => source.join("\t")).join("\n") });

  it("is the one that this computer's apt uses for Debian", () => {
    const apt = lines(["Debian", "bookworm-security", "http://m/sec/"], ["Debian", "bookworm", "http://m/debian/"]);
    assert.equal(mirrorOf(apt), "http://m/debian");
  });
  it("is known by its address before apt has read any index", () => {
    assert.equal(
      mirrorOf(lines(["", "", "https://deb.nodesource.com/node_20.x"], ["", "", "http://m/debian/"])),
      "http://m/debian",
    );
  });
  it("is the configured one where apt's indexes were deleted", () => {
    const uris = `'http://m/debian/dists/bookworm/InRelease' m_debian_dists_bookworm_InRelease 0
'http://m/debian/dists/bookworm/main/binary-amd64/Packages.xz' m_debian_Packages 0
'http://m/debian-security/dists/bookworm-security/InRelease' m_debian-security_InRelease 0 `;
    assert.equal(repositoriesOf(uris), "\t\thttp://m/debian\n\t\thttp://m/debian-security");
    assert.equal(mirrorOf({ sources: repositoriesOf(uris) }, {}), "http://m/debian");
    assert.equal(repositoriesOf(""), "");
  });
  it("is asked for where apt knows none, and is then the one that was named", () => {
    const ubuntu = lines(["Ubuntu", "jammy", "http://m/ubuntu/"]);
    for (const apt of [ubuntu, { sources: "" }]) {
      assert.throws(() => mirrorOf(apt, {}), /no mirror.*CLOISTER_DEBIAN_MIRROR=http:\/\/HOST\/debian/);
      assert.equal(
        mirrorOf(apt, { [MIRROR_VARIABLE]: "https://named.example/debian/" }),
        "https://named.example/debian",
      );
    }
    assert.throws(() => mirrorOf(ubuntu, { [MIRROR_VARIABLE]: "named" }), /CLOISTER_DEBIAN_MIRROR is "named"/);
  });

  it("has no name in the recipe, nor in what is put into the image", () => {
    const folder = join(import.meta.dirname, "../../../../images/base/debian");
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const text = readFileSync(join(entry.parentPath ?? entry.path, entry.name), "utf8");
      assert.doesNotMatch(text, /(deb|ftp|security|snapshot)\.debian\.org/, entry.name);
    }
  });
});

describe("the base image's key", () => {
  it("is steady, and differs by architecture and choice", () => {
    const keys = (["amd64", "arm64"] as const).flatMap((arch) =>
      BASE_IMAGES.map((choice) => baseImageKey({ arch, choice })),
    );
    assert.equal(new Set(keys).size, 2 * BASE_IMAGES.length);
    assert.equal(baseImageKey({ arch: "amd64", choice: "auto" }), keys[0]);
  });
});
