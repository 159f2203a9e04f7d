import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const BOOT = join(import.meta.dirname, "../../../../guest/boot");
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const MIB = 1024 * 1024;
const TOOLS = ["blkid", "wipefs", "mkfs.ext4", "e2fsck", "dumpe2fs", "go"];

/** The scripts of the session disk, run by a real shell with real file systems in files. No root needed. */
describe("boot: the session disk", function () {
  this.timeout(60_000);
  let folder: string;
  let home: string;
  let disk: string;

  before(async function () {
    for (const tool of TOOLS) {
      const found = await execa("sh", ["-c", `command -v ${tool}`], { env: { PATH }, reject: false });
      if (found.failed) this.skip();
    }
    home = await mkdtemp(join(tmpdir(), "cloister-boot-"));
    await symlink(BOOT, join(home, "boot"));
    await mkdir(join(home, "bin"));
    await execa("go", ["build", "-buildvcs=false", "-o", join(home, "bin/boot-helper"), "./cmd/boot-helper"], {
      cwd: join(BOOT, "helper"),
    });
  });
  after(async () => {
    if (home) await rm(home, { recursive: true, force: true });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-disk-"));
    disk = join(folder, "disk");
    await blank(64 * MIB);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function blank(size: number): Promise<void> {
    await writeFile(disk, "");
    await truncate(disk, size);
  }
  const tool = async (command: string, ...args: string[]) =>
    await execa(command, args, { env: { PATH }, stdin: "ignore" });
  /** Runs a line of shell with the scripts loaded. */
  const sh = async (line: string, env: Record<string, string> = {}) =>
    await execa(
      "sh",
      ["-u", "-c", `. "$CLOISTER_HOME/boot/lib.sh"; . "$CLOISTER_HOME/boot/session-disk.sh"; ${line}`],
      {
        env: {
          PATH,
          CLOISTER_HOME: home,
          CLOISTER_CONSOLE: join(folder, "console"),
          CLOISTER_RUN: folder,
          CLOISTER_SYS: join(folder, "sys"),
          CLOISTER_DEV: join(folder, "dev"),
          CLOISTER_DISK_TRIES: "1",
          ...env,
        },
        reject: false,
        stdin: "ignore",
      },
    );
  const classify = async () => (await sh(`classify_disk '${disk}' sessions`)).stdout;
  const write = async (offset: number, data: Uint8Array | string): Promise<void> => {
    const file = await open(disk, "r+");
    await file.write(Buffer.from(data as string), 0, undefined, offset);
    await file.close();
  };

  describe("classify_disk", () => {
    it("calls a disk of zeros blank", async () => {
      assert.equal(await classify(), "blank");
    });

    it("knows our own file system", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-L", "sessions", disk);
      assert.equal(await classify(), "ours");
    });

    it("does not take ext4 with another label, or without one, for ours", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-L", "photos", disk);
      assert.equal(await classify(), "foreign: ext4 with the label photos");
      await tool("mkfs.ext4", "-q", "-F", disk);
      assert.equal(await classify(), "foreign: ext4");
    });

    it("does not take ext3 or ext2 with our label for ours", async () => {
      await tool("mke2fs", "-q", "-F", "-t", "ext2", "-L", "sessions", disk);
      assert.equal(await classify(), "foreign: ext2 with the label sessions");
    });

    it("knows vfat, even with our label", async () => {
      await tool("mkfs.vfat", "-n", "SESSIONS", disk);
      assert.equal(await classify(), "foreign: vfat with the label SESSIONS");
    });

    it("knows an XFS signature", async () => {
      await write(0, xfsSuperblock());
      assert.equal(await classify(), "foreign: xfs");
    });

    it("knows a LUKS header", async () => {
      const header = Buffer.alloc(1024);
      header.write("LUKS\xba\xbe\0\x01", "latin1");
      header.write("aes", 8);
      header.write("01234567-89ab-cdef-0123-456789abcdef", 168);
      await write(0, header);
      assert.match(await classify(), /^foreign: crypto_LUKS/);
    });

    it("knows swap", async () => {
      await tool("mkswap", disk);
      assert.match(await classify(), /^foreign: swap/);
    });

    it("knows a GPT and a DOS partition table", async () => {
      await execa("sfdisk", ["--quiet", "--label", "gpt", disk], { env: { PATH }, input: ",\n" });
      assert.match(await classify(), /^foreign: a partition table \((gpt|PMBR)\)$/);
      await blank(64 * MIB);
      const table = Buffer.alloc(512);
      table.set([0, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0], 446);
      table.set([0x55, 0xaa], 510);
      await write(0, table);
      assert.equal(await classify(), "foreign: a partition table (dos)");
    });

    it("knows a backup GPT at the end when the first one is gone", async () => {
      await execa("sfdisk", ["--quiet", "--label", "gpt", disk], { env: { PATH }, input: ",\n" });
      await write(0, Buffer.alloc(MIB));
      assert.match(await classify(), /^foreign: /);
    });

    it("finds data that has no signature, at the start, in the middle and at the end", async () => {
      for (const [offset, length] of [
        [0, 1],
        [12_345, 16],
        [30 * MIB + 7, MIB + 4096],
        [64 * MIB - 1, 1],
      ] as const) {
        await blank(64 * MIB);
        await write(offset, Buffer.alloc(length, 0x42));
        assert.match(await classify(), /^foreign: data without a known signature, at byte \d+$/);
      }
    });

    it("does not call what cannot be read blank", async () => {
      disk = join(folder, "none");
      assert.match(await classify(), /^unknown: /);
    });
  });

  describe("find_session_disk", () => {
    const addDisk = async (name: string, serial: string, place = "device/serial") => {
      const file = join(folder, "sys/block", name, place);
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, `${serial}   \n`);
    };
    const addLabel = async (label: string, name: string) => {
      await mkdir(join(folder, "dev/disk/by-label"), { recursive: true });
      await writeFile(join(folder, "dev", name), "");
      await symlink(`../../${name}`, join(folder, "dev/disk/by-label", label));
    };
    const find = async () => {
      const { stdout, exitCode } = await sh("find_session_disk cloister-session sessions");
      return { found: stdout.replaceAll(`${folder}/`, ""), exitCode };
    };

    it("finds it by serial number, whatever the order of the disks", async () => {
      await addDisk("nvme0n1", "cloister-session");
      await addDisk("nvme1n1", "cloister-root");
      await addDisk("vda", "x", "serial");
      assert.deepEqual(await find(), { found: "dev/nvme0n1", exitCode: 0 });
    });

    it("finds it by label when no disk has the serial number", async () => {
      await addDisk("nvme1n1", "vol0123456789abcdef");
      await addLabel("sessions", "nvme1n1");
      assert.deepEqual(await find(), { found: "dev/nvme1n1", exitCode: 0 });
    });

    it("finds none", async () => {
      await addDisk("nvme0n1", "cloister-root");
      assert.deepEqual(await find(), { found: "", exitCode: 1 });
    });

    describe("on AWS, by EC2's name", () => {
      /** A helper that knows which disk EC2 attached under /dev/sdf. */
      const named = async (...disks: string[]) => {
        await mkdir(join(folder, "home/bin"), { recursive: true });
        const lines = disks.map((name) => join(folder, "dev", name)).join("\n");
        const script = `#!/bin/sh\n[ "$*" = "ebs /dev/sdf" ] && cat <<'END'\n${lines}${lines ? "\n" : ""}END\n`;
        await writeFile(join(folder, "home/bin/boot-helper"), script, { mode: 0o755 });
      };
      const findNamed = async () => {
        const line = `CLOISTER_HOME='${folder}/home'; find_session_disk cloister-session sessions /dev/sdf`;
        const { stdout, exitCode } = await sh(line);
        return { found: stdout.replaceAll(`${folder}/`, ""), exitCode };
      };

      it("finds it, whatever serial numbers there are", async () => {
        await named("nvme1n1");
        await addDisk("nvme0n1", "vol0aaa");
        await addDisk("nvme1n1", "vol0bbb");
        assert.deepEqual(await findNamed(), { found: "dev/nvme1n1", exitCode: 0 });
      });

      it("goes by serial number and label where disks have no names", async () => {
        await named();
        assert.deepEqual(await findNamed(), { found: "", exitCode: 1 });
        await addLabel("sessions", "nvme2n1");
        assert.deepEqual(await findNamed(), { found: "dev/nvme2n1", exitCode: 0 });
        await addDisk("nvme2n1", "cloister-session");
        assert.deepEqual(await findNamed(), { found: "dev/nvme2n1", exitCode: 0 });
      });

      it("does not choose between the name and the label", async () => {
        await named("nvme1n1");
        await addLabel("sessions", "nvme2n1");
        const { found, exitCode } = await findNamed();
        assert.equal(exitCode, 2);
        assert.match(found, /^the disk with the name \/dev\/sdf is dev\/nvme1n1, but the label sessions is on/);
      });
    });

    it("does not choose between two", async () => {
      await addDisk("nvme0n1", "cloister-session");
      await addLabel("sessions", "nvme1n1");
      assert.match(
        (await find()).found,
        /the disk with the serial number .* is dev\/nvme0n1, but the label sessions is on/,
      );
      await addDisk("nvme1n1", "cloister-session");
      const { found, exitCode } = await find();
      assert.equal(exitCode, 2);
      assert.match(found, /^several disks have the serial number cloister-session/);
    });
  });

  describe("session_disk", () => {
    /** Stands in for the disk under its serial number, and for what needs root. */
    const whole = async (extra = ":") => {
      const sys = join(folder, "sys/block/disk/device");
      await mkdir(sys, { recursive: true });
      await writeFile(join(sys, "serial"), "cloister-session\n");
      await mkdir(join(folder, "dev"), { recursive: true });
      await symlink(disk, join(folder, "dev/disk"));
      await mkdir(join(folder, "etc"), { recursive: true });
      await writeFile(join(folder, "etc/machine-id"), "0123\n");
      const fakes = `modprobe() { return 1; }; mount() { printf 'mount %s\\n' "$*"; }; resize2fs() { :; }; ${extra}`;
      return await sh(`${fakes}; session_disk cloister-session sessions`, {
        CLOISTER_SESSIONS: join(folder, "sessions"),
        CLOISTER_ETC: join(folder, "etc"),
        CLOISTER_VAR: join(folder, "var"),
      });
    };
    const said = async () => await readFile(join(folder, "console"), "utf8");

    it("formats a blank disk with our label and mounts it without set-user-id bits and devices", async () => {
      const { stdout, exitCode } = await whole();
      assert.equal(exitCode, 0);
      assert.match(stdout, /mount -t ext4 -o nosuid,nodev,noatime,prjquota \S+\/dev\/disk \S+\/sessions/);
      assert.match(await said(), /cloister: the session disk \S+ is blank: formatting it/);
      assert.equal(await classify(), "ours");
      assert.match((await tool("e2fsck", "-f", "-n", disk)).stdout, /sessions: 11\//);
    });

    it("waits for a disk that is attached late, and says that it waits", async () => {
      const late = `sleep() { if [ "$_tries" -eq 30 ]; then mv '${folder}/later' '${folder}/sys/block/disk/device/serial'; fi; }`;
      const hide = `mv '${folder}/sys/block/disk/device/serial' '${folder}/later'`;
      const { exitCode, stdout } = await whole(`${late}; ${hide}; CLOISTER_DISK_TRIES=40`);
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^mount /m);
      assert.match(stdout, /^cloister: waiting for the session disk .*: not there after 10 s of at most 20$/m);
    });

    it("mounts our own file system as it is", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-L", "sessions", disk);
      const before = await uuidOf();
      const { stdout, exitCode } = await whole();
      assert.equal(exitCode, 0);
      assert.match(stdout, /^mount /m);
      assert.equal(await uuidOf(), before, "it was not formatted again");
    });

    it("touches nothing else, and says what it found", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-L", "photos", disk);
      const before = await readFile(disk);
      const { stdout, exitCode } = await whole();
      assert.equal(exitCode, 1);
      assert.doesNotMatch(stdout, /^mount /m);
      assert.match(
        await said(),
        /^cloister: not ready: the session disk \S+ holds ext4 with the label photos: it was not touched\. Attach a blank disk/,
      );
      assert.ok(before.equals(await readFile(disk)));
    });

    it("mends what can be mended, and stops at what cannot", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-L", "sessions", disk);
      const { exitCode } = await whole("e2fsck() { echo 'UNEXPECTED INCONSISTENCY'; return 4; }");
      assert.equal(exitCode, 1);
      assert.match(await said(), /damaged, and e2fsck -p could not mend it: UNEXPECTED INCONSISTENCY; run e2fsck/);
    });

    it("mounts a disk with quotas under a kernel that has none, as ext4 refuses to, and says so", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-O", "quota,project", "-L", "sessions", disk);
      const refusing = `mount() { if dumpe2fs -h '${disk}' 2>/dev/null | grep -q '^Filesystem features:.* quota'; then return 32; fi
        case $* in *prjquota*) return 32 ;; esac; printf 'mount %s\\n' "$*"; }`;
      const { stdout, exitCode } = await whole(refusing);
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^mount -t ext4 -o nosuid,nodev,noatime \S+\/dev\/disk/m);
      assert.match(await readFile(join(folder, "notices"), "utf8"), /homes have no limits of their own/);
      assert.equal((await tool("e2fsck", "-f", "-n", disk)).exitCode, 0, "it is sound");
    });

    const features = async () => /^Filesystem features:.*$/m.exec((await tool("dumpe2fs", "-h", disk)).stdout)?.[0];

    it("leaves quotas on a disk that cannot be mounted for another reason, and says the reason", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-O", "quota,project", "-L", "sessions", disk);
      const before = await features();
      const refusing = "mount() { echo 'mount: structure needs cleaning' >&2; return 32; }";
      const { exitCode } = await whole(`modprobe() { :; }; ${refusing}`);
      assert.equal(exitCode, 1);
      assert.match(await said(), /could not mount the session disk \S+ at \S+: mount: structure needs cleaning/);
      assert.equal(await features(), before);
    });

    it("puts quotas back when the kernel has them again", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-O", "quota,project", "-L", "sessions", disk);
      await tool("tune2fs", "-O", "^quota", disk);
      assert.doesNotMatch((await features()) ?? "", /quota|project/);
      const { stdout, exitCode } = await whole("modprobe() { :; }");
      assert.equal(exitCode, 0, stdout);
      assert.match((await features()) ?? "", / quota.* project/);
      assert.match(stdout, /^mount -t ext4 -o nosuid,nodev,noatime,prjquota /m);
      assert.equal((await tool("e2fsck", "-f", "-n", disk)).exitCode, 0, "it is sound");
    });

    it("goes on without quotas that cannot be put back", async () => {
      await tool("mkfs.ext4", "-q", "-F", "-O", "^project,^quota", "-L", "sessions", disk);
      const before = await features();
      const refusing = "mount() { case $* in *prjquota*) return 32 ;; esac; printf 'mount %s\\n' \"$*\"; }";
      const { stdout, exitCode } = await whole(`modprobe() { :; }; tune2fs() { return 1; }; ${refusing}`);
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^mount -t ext4 -o nosuid,nodev,noatime \S+\/dev\/disk/m);
      assert.equal(await features(), before);
    });

    it("boots with a full disk, and says so", async () => {
      const { exitCode } = await whole("stat() { echo '100 2500000 4096'; }");
      assert.equal(exitCode, 0);
      assert.match(await said(), /cloister: the session disk is full \(0 of 9765 MiB free\): the machine boots/);
      assert.match(await readFile(join(folder, "notices"), "utf8"), /^the session disk is full/);
    });

    it("keeps room for the machine itself, and gives it up when there is no block left", async () => {
      const reserve = join(folder, "sessions/.cloister/reserve");
      const exists = async () =>
        await stat(reserve).then(
          ({ size }) => size,
          () => undefined,
        );
      const space = (available: number, free: number) =>
        whole(
          `rm -f '${folder}/dev/disk'; ln -s '${disk}' '${folder}/dev/disk'; stat() { echo '${available} ${free} 4096'; }`,
        );
      const again = async () => await rm(join(folder, "dev"), { recursive: true });
      // 10 MB are root's own: blocks that become free are root's first, so that many more are kept.
      const kept = (65 + 9) * 1024 * 1024;
      await space(2_000_000, 2_002_500);
      assert.equal(await exists(), kept);
      await again();
      await space(20_000, 22_500);
      assert.equal(await exists(), kept, "there is room still");
      await again();
      // Only root has room: no session could start.
      await space(0, 2_500);
      assert.equal(await exists(), undefined);
      assert.match(await said(), /had no room left for sessions: what was kept for this is free now/);
      await again();
      await space(0, 10);
      assert.equal(await exists(), undefined);
    });

    it("keeps at most 256 MiB for root alone", async () => {
      const percent = async (gib: number) => {
        const sys = join(folder, "sys/class/block/disk");
        await mkdir(sys, { recursive: true });
        await writeFile(join(sys, "size"), `${gib * 2 * 1024 * 1024}\n`);
        return (await sh("percent_for_root /dev/disk")).stdout;
      };
      assert.deepEqual([await percent(10), await percent(100), await percent(1000)], ["1", "0.25", "0.02"]);
    });

    it("stops when there is no disk", async () => {
      const { exitCode } = await sh("session_disk cloister-session sessions");
      assert.equal(exitCode, 1);
      assert.match(
        await said(),
        /^cloister: not ready: no session disk: no disk has the serial number cloister-session/,
      );
    });

    it("stops when the disk cannot be formatted or mounted", async () => {
      await mkdir(join(folder, "fake"));
      await writeFile(join(folder, "fake/mkfs.ext4"), "#!/bin/sh\necho no space\nexit 1\n", { mode: 0o755 });
      assert.equal((await whole(`PATH='${folder}/fake':$PATH`)).exitCode, 1);
      assert.match(await said(), /could not format the session disk \S+: no space/);
      await rm(join(folder, "dev"), { recursive: true });
      assert.equal((await whole("mount() { return 32; }")).exitCode, 1);
      assert.match(await said(), /could not mount the session disk/);
    });

    const uuidOf = async () => /UUID="([^"]+)"/.exec((await tool("blkid", "-p", disk)).stdout)?.[1];
  });

  it("uses project quotas where kernel and mke2fs have them", async () => {
    assert.equal((await sh(`modprobe() { :; }; format_disk '${disk}' sessions`)).exitCode, 0);
    assert.match((await tool("dumpe2fs", "-h", disk)).stdout, /Filesystem features:.* quota.* project/);
    assert.equal(await classify(), "ours");
  });

  it("makes a file system that older releases check, whatever mke2fs would make", async function () {
    const known = await execa("mkfs.ext4", ["-q", "-F", "-O", "orphan_file", disk], { env: { PATH }, reject: false });
    // A mke2fs that does not know the feature makes none.
    if (known.failed) this.skip();
    const config = join(folder, "etc/mke2fs.conf");
    await mkdir(join(folder, "etc"));
    const settings = ["[defaults]", "base_features = sparse_super,filetype,ext_attr", "inode_size = 256", "[fs_types]"];
    await writeFile(config, [...settings, "ext4 = {", "features = extent,has_journal,orphan_file", "}", ""].join("\n"));
    const made = async (etc: string, modprobe: string) => {
      await blank(64 * MIB);
      const env = { CLOISTER_ETC: etc, MKE2FS_CONFIG: config };
      assert.equal((await sh(`modprobe() { ${modprobe}; }; format_disk '${disk}' sessions`, env)).exitCode, 0);
      return (await tool("dumpe2fs", "-h", disk)).stdout;
    };
    for (const modprobe of ["return 0", "return 1"])
      assert.doesNotMatch(await made(join(folder, "etc"), modprobe), /orphan_file/, modprobe);
    assert.match(await made(join(folder, "nowhere"), "return 0"), /orphan_file/, "the control");
  });

  it("grows the file system only when its disk has grown", async () => {
    await tool("mkfs.ext4", "-q", "-F", "-L", "sessions", disk);
    const grow = async (sectors: number) => {
      const sys = join(folder, "sys/class/block/disk");
      await mkdir(sys, { recursive: true });
      await writeFile(join(sys, "size"), `${sectors}\n`);
      const { stdout } = await sh(`resize2fs() { echo resized >&3; }; exec 3>&1; grow_disk '${disk}'`);
      return stdout;
    };
    assert.equal(await grow((128 * MIB) / 512), "resized");
    const { stdout } = await tool("blkid", "-p", "-o", "export", disk);
    // Older versions of blkid do not tell the size: then resize2fs is always asked.
    assert.equal(await grow((64 * MIB) / 512), stdout.includes("FSSIZE=") ? "" : "resized");
  });

  describe("mark_generation", () => {
    const mark = async (id: string, instance?: string) => {
      await mkdir(join(folder, "etc"), { recursive: true });
      await mkdir(join(folder, "sessions"), { recursive: true });
      await writeFile(join(folder, "etc/machine-id"), `${id}\n`);
      if (instance !== undefined) {
        await mkdir(join(folder, "var/lib/cloud/data"), { recursive: true });
        await writeFile(join(folder, "var/lib/cloud/data/instance-id"), `${instance}\n`);
      }
      await sh("mark_generation", {
        CLOISTER_SESSIONS: join(folder, "sessions"),
        CLOISTER_ETC: join(folder, "etc"),
        CLOISTER_VAR: join(folder, "var"),
      });
      return await readFile(join(folder, "sessions/.cloister/machines"), "utf8");
    };

    it("adds a line for each new machine, and none for another boot of the same", async () => {
      assert.equal(await mark("aa"), "aa\n");
      assert.equal(await mark("aa"), "aa\n");
      assert.equal(await mark("bb", "i-1"), "aa\nbb i-1\n");
      assert.equal(await mark("bb", "i-2"), "aa\nbb i-1\nbb i-2\n");
    });
  });
});

/** The least that libblkid takes for XFS: magic, block size, and consistent logarithms of the sizes. */
function xfsSuperblock(): Buffer {
  const block = Buffer.alloc(512);
  block.write("XFSB");
  block.writeUInt32BE(4096, 4); // block size
  block.writeBigUInt64BE(4096n, 8); // data blocks
  block.writeUInt32BE(1024, 84); // blocks of an allocation group
  block.writeUInt32BE(4, 88); // allocation groups
  block.writeUInt32BE(1, 80); // real-time extent
  block.writeUInt16BE(0xb4a5, 100); // version
  block.writeUInt16BE(512, 102); // sector size
  block.writeUInt16BE(512, 104); // inode size
  block.writeUInt16BE(8, 106); // inodes of a block
  block[120] = 12; // log2 of the block size
  block[121] = 9; // of the sector size
  block[122] = 9; // of the inode size
  block[123] = 3; // of the inodes of a block
  block[124] = 10; // of the allocation group's blocks
  block[127] = 25; // largest share of inodes, percent
  return block;
}
