import assert from "node:assert/strict";
import { cp, lstat, mkdir, mkdtemp, open, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { ensureContext } from "../../images/container/context.ts";
import { elfArch } from "../../images/runtime/arch.ts";
import { buildArguments } from "../../infra/container/build.ts";
import { type Engine, engine, findEngine } from "../../infra/container/engine.ts";
import { type BuiltImage, ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { type ContainerRequest, runContainer } from "../../infra/container/run.ts";

const OTHER = archOfThisComputer() === "amd64" ? "arm64" : "amd64";

/** The image for the other kind of computer: its programs run emulated. `npm run test:foreign-image`: its two builds take long. */
describe("an image for another architecture", function () {
  this.timeout(5_400_000);
  let host: Engine;
  let image: BuiltImage;
  let folder: string;

  before(async function () {
    if (process.env["CLOISTER_TEST_FOREIGN_IMAGE"] !== "1") this.skip();
    host = await findEngine("podman");
    folder = await mkdtemp(join(tmpdir(), "cloister-foreign-"));
    image = await ensureContainerImage(host, {
      arch: OTHER,
      base: FROM_PACKAGES,
      report: (line) => void process.stderr.write(`${line}\n`),
    });
  });
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const start = (program: string, words: readonly string[]) =>
    runContainer(host, {
      image: image.name,
      stdio: "pipe",
      timeoutMs: 300_000,
      command: [],
      words,
      change: (options) => [...options, `--entrypoint=${program}`],
    } satisfies ContainerRequest);

  async function about(name: string) {
    const { stdout } = await engine(host, ["image", "inspect", name], { stdin: "ignore" });
    type About = { Architecture: string; RootFS: { Layers: string[] }; Config: { Labels: Record<string, string> } };
    const [{ Architecture, RootFS, Config }] = JSON.parse(String(stdout)) as [About];
    return { arch: Architecture, layers: RootFS.Layers, labels: Config.Labels };
  }

  it("says so, and every one of its programs and libraries is of it", async () => {
    const { arch, labels } = await about(image.name);
    assert.equal(arch, OTHER);
    assert.equal(labels["org.opencontainers.image.base.name"], image.base);
    const made = await engine(host, ["create", "--quiet", image.name], { stdin: "ignore" });
    const id = String(made.stdout).trim().split("\n").at(-1) ?? "";
    const root = join(folder, "root");
    await mkdir(root);
    try {
      await engine(host, ["export", `--output=${join(folder, "root.tar")}`, id], { stdin: "ignore" });
    } finally {
      await engine(host, ["rm", "--force", id], { reject: false, stdin: "ignore" });
    }
    await execa("tar", ["-xf", join(folder, "root.tar"), "-C", root, "--exclude=dev/*"]);
    const kinds = new Map<string, string[]>();
    for (const path of (await readdir(root, { recursive: true })).map((name) => join(root, name))) {
      if (!(await lstat(path)).isFile()) continue;
      const file = await open(path);
      const head = Buffer.alloc(20);
      await file.read(head, 0, 20, 0);
      await file.close();
      if (head.toString("latin1", 0, 4) !== "\x7fELF") continue;
      const kind = elfArch(head) ?? "another";
      kinds.set(kind, [...(kinds.get(kind) ?? []), path]);
    }
    assert.deepEqual([...kinds.keys()], [OTHER], JSON.stringify([...kinds].filter(([kind]) => kind !== OTHER)));
    assert.ok((kinds.get(OTHER)?.length ?? 0) > 100, "the control: there are programs");
  });

  it("has an SBOM of its own packages", async () => {
    const { stdout, stderr } = await start("/usr/bin/jq", [
      "--raw-output",
      ".components | map(.purl) | .[]",
      "/usr/share/cloister/sbom.cdx.json",
    ]);
    const purls = stdout.split("\n");
    const [npm, theirs] = OTHER === "arm64" ? ["linux-arm64", "linux-x64"] : ["linux-x64", "linux-arm64"];
    assert.ok(
      purls.some((purl) => purl.startsWith("pkg:deb/debian/bubblewrap@") && purl.endsWith(`arch=${OTHER}`)),
      stderr,
    );
    assert.ok(purls.some((purl) => purl.includes(`claude-code-${npm}@`)));
    assert.deepEqual(
      purls.filter((purl) => purl.includes(theirs) || purl.endsWith(`arch=${archOfThisComputer()}`)),
      [],
    );
  });

  it("has programs that start, each emulated", async () => {
    const [bin, machine] = ["/opt/cloister/bin", OTHER === "arm64" ? "aarch64" : "x86_64"];
    for (const [program, words, says] of [
      ["/usr/bin/uname", ["-m"], new RegExp(`^${machine}$`)],
      [`${bin}/node`, ["-p", "process.arch"], OTHER === "arm64" ? /^arm64$/ : /^x64$/],
      [
        "/bin/bash",
        ["-c", "git --version; rg --version; curl --version; bwrap --version"],
        /git version.*ripgrep.*curl.*bubblewrap/s,
      ],
      [`${bin}/claude`, ["--version"], /Claude Code/],
      [`${bin}/probe`, ["environment"], /"environment"/],
    ] as const) {
      const { exitCode, stdout, stderr } = await start(program, words);
      assert.equal(exitCode, 0, `${program}: ${stderr}`);
      assert.match(stdout.trim(), says, program);
    }
  });

  // QEMU's emulation of programs makes no user namespaces: more than this cannot be seen without such a computer.
  it("makes no session while it is emulated, and says why", async () => {
    const { exitCode, stderr } = await runContainer(host, {
      image: image.name,
      stdio: "pipe",
      timeoutMs: 300_000,
      command: ["run", "--accept-weaker"],
      words: ["--", "true"],
    });
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /no user namespace can be made/);
  });

  it("is built the same from the same", async () => {
    const tag = "localhost/cloister-test:foreign";
    const [context, copy] = [await ensureContext({ arch: OTHER }), join(folder, "context")];
    await cp(context.path, copy, { recursive: true, verbatimSymlinks: true });
    await utimes(join(copy, "runtime/lib/container-program.cjs"), 1, 1);
    const spec = {
      name: tag,
      base: image.base,
      version: context.version,
      path: copy,
      arch: OTHER,
      anew: true,
    } as const;
    try {
      await engine(host, buildArguments(host, spec), { stdin: "ignore", env: { SOURCE_DATE_EPOCH: "0" } });
      assert.deepEqual(await about(tag), await about(image.name));
    } finally {
      await engine(host, ["rmi", tag], { reject: false, stdin: "ignore" });
    }
  });
});
