import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { sha256 } from "../../../lib/store.ts";

const script = fileURLToPath(new URL("../../../cloud-init/files/boot.sh", import.meta.url));

/** Runs the real script on a made-up root; commands that would change a machine only write down how they were called. */
describe("the boot script", () => {
  let root: string;
  const image = "a runtime image";

  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
  const recorder = (name: string): Promise<void> =>
    put(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >>"$ROOT/called"\n`, 0o755);
  const run = async (env: Record<string, string> = {}) => {
    const { exitCode } = await execa("/bin/sh", [script], {
      reject: false,
      extendEnv: false,
      env: {
        ROOT: root,
        PATH: `${join(root, "bin")}:/usr/bin:/bin`,
        RUNTIME_DIGEST: sha256(image),
        RUNTIME_SIZE: String(image.length),
        RUNTIME_SERIAL: "cloister-runtime",
        RUNTIME_WAIT: "0",
        ...env,
      },
    });
    const read = async (path: string) => await readFile(join(root, path), "utf8").catch(() => "");
    return { exitCode, console: await read("dev/console"), called: await read("called") };
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cloister-boot-"));
    await put("dev/console", "");
    await put("etc/cloister/boot.env", "");
    // The disk's number is not that of its serial's order.
    await put("sys/class/nvme/nvme0/serial", "cloister-session\n");
    await put("sys/class/nvme/nvme1/serial", "cloister-runtime\n");
    await put("dev/nvme0n1", "something else");
    await put("dev/nvme1n1", image);
    await put("opt/cloister/boot/start", '#!/bin/sh\necho start >>"$ROOT/called"\n', 0o755);
    for (const name of ["mount", "systemctl", "udevadm"]) await recorder(name);
    await put("bin/mountpoint", "#!/bin/sh\nexit 1\n", 0o755);
  });
  afterEach(() => rm(root, { recursive: true }));

  it("mounts the runtime image that has the right digest, and hands over to it", async () => {
    const { exitCode, called, console } = await run();
    assert.equal(exitCode, 0);
    assert.equal(
      called,
      `mount -t squashfs -o ro,nodev ${root}/dev/nvme1n1 ${root}/opt/cloister\nudevadm settle --timeout=60\nsystemctl start cloud-init-local.service\nstart\n`,
    );
    assert.equal(console, "");
  });

  it("leaves cloud-init alone at the later boots of a machine that has no more use for it", async () => {
    await put("etc/cloud/cloud-init.disabled", "");
    const { exitCode, called } = await run();
    assert.equal(exitCode, 0);
    assert.equal(
      called,
      `mount -t squashfs -o ro,nodev ${root}/dev/nvme1n1 ${root}/opt/cloister\nudevadm settle --timeout=60\nstart\n`,
    );
  });

  it("mounts nothing that is longer than the image", async () => {
    await put("dev/nvme1n1", `${image}\0`);
    assert.match((await run()).console, /not ready: the runtime image on .* has digest/);
  });

  it("mounts nothing when the digest is wrong, and says so on the console", async () => {
    const { exitCode, called, console } = await run({ RUNTIME_DIGEST: "0".repeat(64) });
    assert.equal(exitCode, 1);
    assert.equal(called, "");
    assert.match(console, /^cloister: not ready: the runtime image on .* has digest .*: it was not mounted$/m);
  });

  it("gives up when the disk does not appear", async () => {
    const { exitCode, called, console } = await run({ RUNTIME_SERIAL: "another" });
    assert.equal(exitCode, 1);
    assert.equal(called, "");
    assert.match(console, /not ready: no NVMe disk with serial another/);
  });

  it("does not mount twice", async () => {
    await put("bin/mountpoint", "#!/bin/sh\nexit 0\n", 0o755);
    assert.equal(
      (await run()).called,
      "udevadm settle --timeout=60\nsystemctl start cloud-init-local.service\nstart\n",
    );
  });

  describe("on AWS", () => {
    const onAws = {
      RUNTIME_BUCKET: "images",
      RUNTIME_KEY: "runtime/x.squashfs",
      POOL_LAUNCH_HOOK: "verified",
      POOL_END_HOOK: "drained",
    };
    const fetcher = (body: string) =>
      put("usr/local/lib/cloister/fetch", `#!/bin/sh\necho "fetch $*" >>"$ROOT/called"\n${body}\n`, 0o755);

    it("mounts what was fetched from the bucket", async () => {
      await fetcher(`mkdir -p "$ROOT/var/lib/cloister"; printf '%s' '${image}' >"$1"`);
      const { exitCode, called } = await run(onAws);
      assert.equal(exitCode, 0);
      const file = `${root}/var/lib/cloister/runtime.squashfs`;
      assert.equal(
        called,
        `systemctl start network-online.target\nfetch ${file}\nmount -t squashfs -o ro,nodev ${file} ${root}/opt/cloister\nudevadm settle --timeout=60\nsystemctl start cloud-init-local.service\nstart\n`,
      );
    });

    it("tells the group when the machine cannot be used, and only where there is one", async () => {
      await fetcher('[ "$1" = --complete ]');
      const { exitCode, called, console } = await run(onAws);
      assert.equal(exitCode, 1);
      assert.match(
        called,
        /fetch \S+runtime\.squashfs\nsystemctl start network-online\.target\nfetch --complete verified ABANDON\nfetch --complete drained CONTINUE\n$/,
      );
      assert.match(console, /not ready: cannot fetch the runtime image from s3:\/\/images\/runtime\/x\.squashfs/);
      assert.match(console, /the group was told: ABANDON \(verified\)\n.*the group was told: CONTINUE \(drained\)/);
      await rm(join(root, "called"));
      assert.doesNotMatch((await run({ ...onAws, POOL_LAUNCH_HOOK: "" })).called, /complete/);
    });

    it("does not wait for the end of a machine that the group did not give up", async () => {
      await fetcher("exit 1");
      assert.match((await run(onAws)).called, /fetch --complete verified ABANDON\n$/);
    });
  });
});
