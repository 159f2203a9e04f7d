import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { engine, findEngine } from "../../infra/container/engine.ts";
import { ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { type OrdinaryUser, ordinaryUser, whyNoOrdinaryUser } from "../support/rootless.ts";

/** `npm run container` of an ordinary user, with podman that has no root: the same image, and the same options. */
describe("a container of an ordinary user", function () {
  this.timeout(900_000);
  let user: OrdinaryUser | undefined;
  let folder: string;
  let image: string;

  before(async function () {
    const why = await whyNoOrdinaryUser();
    if (why !== undefined) {
      console.log(`      not here: ${why}`);
      this.skip();
    }
    const host = await findEngine("podman");
    ({ name: image } = await ensureContainerImage(host, {
      arch: archOfThisComputer(),
      base: FROM_PACKAGES,
      report: () => {},
    }));
    folder = await mkdtemp(join(tmpdir(), "cloister-image-"));
    await chmod(folder, 0o755);
    const file = join(folder, "image.tar");
    await engine(host, ["save", "--format=docker-archive", "--output", file, image], { stdin: "ignore" });
    await chmod(file, 0o644);
    user = await ordinaryUser();
    const loaded = await user.run(["podman", "load", "--input", file]);
    assert.equal(loaded.exitCode, 0, loaded.stderr);
  });
  after(async () => {
    await user?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const container = (...words: string[]) =>
    (user as OrdinaryUser).run(["node", "--import", "tsx", "cli/container/main.ts", ...words]);
  const choice = () => ["--engine", "podman", "--image", image];

  it("is refused where the host gives no limits, with the options, the reason and the remedy; else it starts", async () => {
    const { exitCode, stderr } = await container("check", ...choice());
    if (exitCode === 0) return;
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /rootless podman can limit no .* because .*(unified_cgroup_hierarchy|Delegate=)/);
    for (const option of ["--memory=", "--pids-limit=", "--cpus="]) assert.ok(stderr.includes(option), option);
    assert.doesNotMatch(stderr, /without --(user|cap|security|read|tmpfs|hostname)/, "everything else is given");
  });

  it("seals a command, gives its files to the caller, and tells every time what is weaker", async () => {
    const work = join((user as OrdinaryUser).home, "work");
    await (user as OrdinaryUser).run(["bash", "-c", `mkdir ${work} && echo given > ${work}/given`]);
    const script =
      "touch mnt/work/made; rm -f mnt/work/given; curl -s -o /dev/null -w '%{http_connect}' https://example.com/; exit 9";
    const mount = ["--mount", `${work}:work:rw`];
    const { exitCode, stdout, stderr } = await container(
      ...["run", "--accept-weaker", "--json", ...choice(), ...mount],
      ...["--", "bash", "-c", script],
    );
    assert.equal(exitCode, 9, stderr);
    const told = JSON.parse(stdout) as { stdout: string; weaker: string[] };
    assert.equal(told.stdout, "403");
    assert.deepEqual((await readdir(work)).sort(), ["given", "made"]);
    assert.equal((await stat(join(work, "made"))).uid, (user as OrdinaryUser).uid);
    for (const line of told.weaker) assert.ok(stderr.includes(`weaker than it should be: ${line}`), line);
  });

  it("fails closed without --userns=keep-id: the caller's folder is another user's then", async () => {
    const told = await container("options", "--engine", "podman");
    const words = told.stdout.split("\n").filter((line) => line.startsWith("--"));
    assert.ok(words.includes("--userns=keep-id"));
    const work = join((user as OrdinaryUser).home, "own");
    await (user as OrdinaryUser).run(["mkdir", work]);
    const run = async (options: readonly string[]) =>
      await (user as OrdinaryUser).run([
        ...["podman", "run", "--rm", "--no-healthcheck", ...options.flatMap((line) => line.split(" "))],
        ...[`--volume=${work}:/folders/own`, image, "run", "--accept-weaker", "--mount", "/folders/own:own:rwd"],
        ...["--", "touch", "mnt/own/made"],
      ]);
    const without = await run(words.filter((word) => word !== "--userns=keep-id"));
    assert.notEqual(without.exitCode, 0);
    assert.deepEqual(await readdir(work), []);
    const { exitCode, stderr } = await run(words);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await readdir(work), ["made"], "the control");
  });

  it("keeps every row of the reference but those that the accepted options decide", async () => {
    const { stdout, stderr } = await container("verify", "--quick", "--json", "--accept-weaker", ...choice());
    const report = JSON.parse(stdout || "{}") as {
      ok: boolean;
      rows: { id: string; status: string; fails: boolean; reason?: string }[];
      notices: string[];
    };
    assert.deepEqual(
      report.rows.filter(({ fails }) => fails).map(({ id }) => id),
      [],
      stderr,
    );
    const weaker = report.notices.filter((line) => line.startsWith("weaker than"));
    const excused = report.rows.filter(({ reason }) => reason?.includes("--accept-weaker"));
    assert.equal(
      excused.length > 0,
      weaker.some((line) => line.includes("--memory")),
    );
  });
});
