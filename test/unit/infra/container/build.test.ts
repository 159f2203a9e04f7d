import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { buildImage, clearKilled, endBuild } from "../../../../infra/container/build.ts";
import type { Engine } from "../../../../infra/container/engine.ts";

const ROOT = join(import.meta.dirname, "../../../..");

/** Programs of the names podman and docker that write down how they are called stand in for the engines. */
describe("building an image", () => {
  const path = process.env["PATH"];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-build-test-"));
    process.env["PATH"] = `${folder}:${path}`;
    process.env["TMPDIR"] = folder;
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    delete process.env["TMPDIR"];
    await rm(folder, { recursive: true, force: true });
  });

  const program = async (name: string, text: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\necho "$*" >>${folder}/calls\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  };
  const host = (name: "podman" | "docker"): Engine => ({
    program: name,
    rootless: false,
    cgroups: 2,
    apparmor: false,
    version: "1",
    env: {},
    notes: [],
  });
  const spec = { name: "n", base: "localhost/cloister-base:0", arch: "amd64" } as const;
  const work = () => join(folder, "work");
  const context = { path: "/context", key: "", version: "1" };
  const calls = async () => (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");

  /** A podman whose build names two containers, one that is none of a build's, and one that was there; another build makes one. */
  const building = (exitCode: number) =>
    program(
      "podman",
      `case $1 in
        build) touch ${folder}/built "$TMPDIR/left"; for id in ${A} ${B} ${C} ${OTHER}; do
          echo "time=\\"now\\" level=debug msg=\\"Container ID: $id\\"" >&2; done; echo "Error: no space" >&2; exit ${exitCode} ;;
        ps) echo ${OTHER} Storage; [ ! -e ${folder}/built ] || printf '%s Storage\\n' ${THEIRS} ${A} ${B}; echo ${C} Exited ;;
      esac`,
    );
  const [A, B, C, OTHER, THEIRS] = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(64)) as [
    string,
    ...string[],
  ];
  const temporary = () => readdir(work());

  it("leaves no file, and of one that failed each stage's container, and no other, goes", async () => {
    await building(1);
    assert.equal(await buildImage(host("podman"), { ...spec, context, work: work() }), "Error: no space");
    assert.match((await calls()).join("\n"), /^build .*--layers=false --force-rm/m);
    assert.deepEqual(
      (await calls()).filter((call) => call.startsWith("rm ")),
      [`rm --force --volumes ${A} ${B}`],
    );
    assert.deepEqual(await temporary(), []);
  });

  it("removes no container after a build that succeeded", async () => {
    await building(0);
    assert.equal(await buildImage(host("podman"), { ...spec, context, work: work() }), undefined);
    assert.deepEqual(
      (await calls()).filter((call) => call.startsWith("rm ")),
      [],
    );
    assert.deepEqual(await temporary(), []);
  });

  it("removes what a build that was killed has left: its containers, and its stages as images without a name", async () => {
    await building(0);
    const left = join(work(), "build-podman-killed");
    await mkdir(left, { recursive: true });
    await mkdir(join(work(), "build-docker-killed"));
    await writeFile(join(left, "containers"), `${THEIRS}\n${OTHER}\n${C}\n`);
    await writeFile(join(left, "stage"), "its-mark");
    await writeFile(join(folder, "built"), "");
    await clearKilled(host("podman"), work());
    const made = await calls();
    // One of them is no container of a build by now.
    assert.deepEqual(
      made.filter((call) => call.startsWith("rm ")),
      [`rm --force --volumes ${THEIRS} ${OTHER}`],
    );
    assert.match(made.join("\n"), /^image ls .*--filter=label=cloister\.stage=its-mark$/m);
    assert.deepEqual(await temporary(), ["build-docker-killed"], "the other engine's is for that engine");
    await clearKilled(host("podman"), join(folder, "none"));
  });

  it("writes down which containers are its own while it runs", async () => {
    await program(
      "podman",
      `case $1 in build) echo "time=\\"now\\" level=debug msg=\\"Container ID: ${A}\\"" >&2
        for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; cat ${folder}/work/build-*/containers >${folder}/known 2>/dev/null && exit 0; done; exit 1 ;; esac`,
    );
    assert.equal(await buildImage(host("podman"), { ...spec, context, work: work() }), undefined);
    assert.equal(await readFile(join(folder, "known"), "utf8"), `${A}\n`);
  });

  it("ends a build whose containers it cannot note, in words, and leaves nothing", async () => {
    // Stands in for a full disk: every byte that is written there is one too many.
    await program(
      "podman",
      `case $1 in
        build) ln -s /dev/full "$TMPDIR/../containers"; touch ${folder}/built
          echo "time=\\"now\\" level=debug msg=\\"Container ID: ${A}\\"" >&2; sleep 60 ;;
        ps) [ ! -e ${folder}/built ] || echo ${A} Storage ;;
      esac`,
    );
    await assert.rejects(
      buildImage(host("podman"), { ...spec, context, work: work() }),
      /was ended.*ENOSPC.*make room/s,
    );
    assert.deepEqual(
      (await calls()).filter((call) => call.startsWith("rm ")),
      [`rm --force --volumes ${A}`],
    );
    assert.deepEqual(await temporary(), []);
  }).timeout(30_000);

  it("leaves no folder where the mark of its stages cannot be written", async () => {
    await program(
      "podman",
      `[ "$1" != ps ] || [ ! -d ${folder}/work ] || for f in ${folder}/work/build-*; do [ ! -d "$f" ] || ln -sf /dev/full "$f/stage"; done`,
    );
    await assert.rejects(buildImage(host("podman"), { ...spec, context, work: work() }), /ENOSPC/);
    assert.deepEqual(await temporary(), []);
  });

  it("kills what a build runs, and nothing for a build that was not started or has ended", async () => {
    const step = execa("sleep", ["60"], { reject: false });
    try {
      const asked: string[] = [];
      const kill = (signal: NodeJS.Signals) => asked.push(signal) > 0;
      // Of this computer's processes only that one is seen, as a child of the build's.
      const seenBelow = (parent: number) => program("ps", `echo ${step.pid} ${parent}`);
      const running = { exitCode: null, signalCode: null, kill };
      await seenBelow(0);
      await endBuild(running);
      await seenBelow(4_000_000);
      await endBuild({ ...running, pid: 4_000_000, signalCode: "SIGTERM" });
      await endBuild({ ...running, pid: 4_000_000, exitCode: 0 });
      assert.equal(step.exitCode ?? step.signalCode, null);
      assert.deepEqual(asked, []);
      await endBuild({ ...running, pid: 4_000_000 });
      assert.equal((await step).signal, "SIGKILL", "the control");
      assert.deepEqual(asked, ["SIGTERM"], "a build that goes on is ended itself");
    } finally {
      step.kill("SIGKILL");
    }
  });

  it("is out of Ctrl-C's reach only where this process takes it down itself", async () => {
    await program("podman", `[ $1 != build ] || ps -o pgid= -p $$ >${folder}/group-$CLOISTER_TEST`);
    const [build, stop] = ["build", "stop"].map((name) => join(ROOT, `infra/container/${name}.ts`));
    const groups = async (name: string, first: string) => {
      const script = `import { execa } from "execa";
import { buildImage, endBuild } from ${JSON.stringify(build)}; import { stopOnSignals } from ${JSON.stringify(stop)};
        ${first}; await buildImage(${JSON.stringify(host("podman"))}, ${JSON.stringify({ ...spec, context, work: work() })});
        process.stdout.write(String(process.pid)); process.exit();`;
      const { stdout } = await execa(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "--eval", script],
        // In a group of its own.
        { detached: true, cwd: ROOT, env: { CLOISTER_TEST: name } },
      );
      return [Number(stdout), Number(await readFile(join(folder, `group-${name}`), "utf8"))];
    };
    const [own, same] = await groups("without", "");
    assert.equal(same, own);
    const [taker, other] = await groups("with", "stopOnSignals()");
    assert.notEqual(other, taker, "the control");
  }).timeout(60_000);

  it("removes the stages that docker's old builder keeps, by a mark that only this build has", async () => {
    await program("docker", 'case "$1 $2" in "image ls") echo a1; echo b2 ;; esac');
    assert.equal(await buildImage(host("docker"), { ...spec, context, work: work() }), undefined);
    const [built = "", listed = "", removed] = await calls();
    const mark = /--build-arg STAGE=(\S+)/.exec(built)?.[1] ?? assert.fail(built);
    assert.ok(listed.includes(`--filter=label=cloister.stage=${mark}`) && listed.includes("--filter=dangling=true"));
    assert.equal(removed, "rmi a1 b2");
  });
});
