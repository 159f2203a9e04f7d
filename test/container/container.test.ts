import assert from "node:assert/strict";
import { chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { ensureContext } from "../../images/container/context.ts";
import { buildArguments } from "../../infra/container/build.ts";
import { type Engine, engine, findEngine } from "../../infra/container/engine.ts";
import { ensureContainerImage, FROM_PACKAGES } from "../../infra/container/image.ts";
import { type ContainerRequest, runContainer } from "../../infra/container/run.ts";

const USER = process.getuid?.() === 0 ? 1000 : (process.getuid?.() ?? 1000);

/** Calls that a session must not reach, of those that the container's own profile lets bubblewrap make. */
const OPEN_TO_BUBBLEWRAP = ["mount", "umount", "pivot_root", "chroot", "unshare-user", "clone-user", "setns"];

/** The image, and containers of it, with exactly the documented options on this computer's own engine. */
describe("a container", function () {
  // The first run makes the base from packages, and builds the image.
  this.timeout(900_000);
  let host: Engine;
  let image: string;
  let folder: string;

  const start = (request: Omit<ContainerRequest, "image" | "stdio">) =>
    runContainer(host, { image, stdio: "pipe", timeoutMs: 120_000, ...request });
  const without = (word: string) => (words: readonly string[]) => words.filter((each) => each !== word);
  const build = () => ensureContainerImage(host, { arch: archOfThisComputer(), base: FROM_PACKAGES, report: () => {} });

  async function describeImage(name: string) {
    const { stdout } = await engine(host, ["image", "inspect", name]);
    type About = {
      RootFS: { Layers: string[] };
      Config: Record<string, unknown>;
      Healthcheck?: unknown;
      HealthCheck?: unknown;
    };
    const [about] = JSON.parse(String(stdout)) as [About];
    const { Hostname: _, ...config } = about.Config;
    const healthcheck = about.Healthcheck ?? about.HealthCheck ?? config["Healthcheck"];
    return { layers: about.RootFS.Layers, config, healthcheck };
  }

  async function give(name: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    await writeFile(join(path, "given"), "given\n");
    for (const each of [path, join(path, "given")]) await chown(each, USER, USER);
    return path;
  }

  before(async () => {
    // Any engine of this computer: CLOISTER_TEST_ENGINE=docker.
    host = await findEngine(process.env["CLOISTER_TEST_ENGINE"]);
    ({ name: image } = await build());
    folder = await mkdtemp(join(tmpdir(), "cloister-container-"));
  });

  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it("keeps every row of the reference that a container can keep, the agent's among them", async () => {
    const { exitCode, stdout, stderr } = await start({ command: ["verify", "--json"] });
    assert.equal(exitCode, 0, `${stderr}\n${stdout}`);
    const report = JSON.parse(stdout) as { rows: { id: string; status: string }[]; notices: string[] };
    const statusOf = (row: string) => report.rows.find((one) => one.id === row)?.status;
    for (const row of ["S6", "S8", "E3", "E4", "N3", "N4", "A3", "C1", "C2", "C3", "C4"]) {
      assert.equal(statusOf(row), "ok", row);
    }
    assert.match(report.notices.join("\n"), /its kernel is the host's/);
    assert.doesNotMatch(report.notices.join("\n"), /weaker/);
  });

  it("lets a session reach none of the calls that it opens to bubblewrap", async () => {
    const { exitCode, stdout, stderr } = await start({
      command: ["run"],
      words: ["--", "/opt/cloister/bin/probe", "engine"],
    });
    assert.equal(exitCode, 0, stderr);
    const { engine: attempts } = JSON.parse(stdout) as { engine: Record<string, { errno?: string }> };
    for (const call of OPEN_TO_BUBBLEWRAP) assert.match(attempts[call]?.errno ?? "", /^(EPERM|ENOSYS)$/, call);
    // Control: outside of a session one of them is reached, and refused for its arguments.
    const outside = await start({
      command: [],
      change: (words) => [...words, "--entrypoint=/opt/cloister/bin/probe"],
      words: ["engine"],
    });
    assert.match(outside.stdout, /"chroot":\{"ok":false,"errno":"EFAULT"\}/);
  });

  it("does the agent's task", async () => {
    const work = await give("work");
    const { exitCode, stdout, stderr } = await start({
      command: ["run", "--agent"],
      mounts: [`${work}:work:rwd`],
      words: ["--", "claude", "-p", "Say hello"],
    });
    assert.equal(exitCode, 0, stderr);
    assert.ok(stdout.trim().length > 0);
    assert.match(stderr, /a scripted stand-in answers/);
  });

  it("gives the model's key to the relay, and not to the session", async () => {
    const key = "sk-ant-not-a-key-of-anybody";
    const script = "env; cat /run/cloister/model-key; grep -rs sk-ant /run /sessions /tmp /proc/*/environ; exit 0";
    const { exitCode, stdout, stderr } = await start({
      command: ["run", "--agent"],
      key,
      words: ["--", "bash", "-c", script],
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /ANTHROPIC_BASE_URL=/);
    assert.ok(!stdout.includes(key));
    // Control: the relay has it, so no stand-in answers.
    assert.doesNotMatch(stderr, /stand-in/);
  });

  it("keeps the modes of folders, and gives the caller what was made in them", async () => {
    const modes = ["ro", "rw", "trash", "rwd"] as const;
    const mounts = await Promise.all(modes.map(async (mode) => `${await give(mode)}:${mode}:${mode}`));
    const script = modes.map((mode) => `touch mnt/${mode}/made; rm -f mnt/${mode}/given`).join("; ");
    await start({ command: ["run"], mounts, words: ["--", "bash", "-c", script] });
    const left = await Promise.all(modes.map(async (mode) => (await readdir(join(folder, mode))).sort()));
    assert.deepEqual(left, [["given"], ["given", "made"], [".cloister-trash", "made"], ["made"]]);
    for (const mode of ["rw", "trash", "rwd"]) assert.equal((await stat(join(folder, mode, "made"))).uid, USER);
  });

  it("denies the network, says so, and leaves a row; the exit code is the command's", async () => {
    const audit = join(folder, "audit");
    const { exitCode, stdout, stderr } = await start({
      command: ["run"],
      audit,
      words: ["--", "bash", "-c", "curl -s -o /dev/null -w '%{http_connect}' https://example.com/; exit 9"],
    });
    assert.deepEqual([exitCode, stdout], [9, "403"]);
    assert.match(stderr, /example\.com:443 \(not on the allow list\)/);
    const row = JSON.parse((await readFile(join(audit, "audit.jsonl"), "utf8")).split("\n")[0] ?? "");
    assert.deepEqual([row.host, row.verdict], ["example.com", "denied"]);
  });

  it("refuses to be root, also when weaker is accepted", async () => {
    const { exitCode, stderr } = await start({
      command: ["check", "--accept-weaker"],
      change: (words) => [...words, "--user=0:0"],
    });
    assert.equal(exitCode, 2);
    assert.match(stderr, /uid 0/);
  });

  it("has the tools that agents expect, and no package manager", async function () {
    if (!image.startsWith("localhost/cloister:")) this.skip();
    const script = [
      "set -e",
      "git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one && git submodule status",
      "curl --version | grep -o ^curl; node -p '6 * 7'; npm --version >/dev/null; npx --version >/dev/null",
      "printf '{}' > package.json; npm pkg set scripts.hello='echo from npm' && npm run-script -s hello",
      "printf 'ab\\n' | perl -pe 's/a/x/' | rg x; printf '{\"a\":1}' | jq .a; printf '\\xe4' | iconv -f latin1; echo",
      "ps -o comm= -p $$; tar cf - package.json | gzip | tar tzf -; awk 'BEGIN { print 5 }'; TZ=Asia/Tokyo date +%Z",
      "openssl version | cut -d' ' -f1; less --version >/dev/null; command -v socat bwrap unshare | wc -l",
      "git ls-remote https://example.com/a.git 2>&1 | grep -o 'response 403'; locale charmap; mcp 2>&1 | cut -d' ' -f1,2",
      "command -v apt-get dpkg || echo no package manager",
    ].join("\n");
    const { stdout, stderr } = await start({ command: ["run"], words: ["--", "bash", "-c", script] });
    const said =
      "curl 42 from npm xb 1 ä bash package.json 5 JST OpenSSL 3 response 403 UTF-8 usage: mcp no package manager";
    assert.equal(stdout.trim().split(/\s+/).join(" "), said, stderr);
  });

  it("has what V8 compiled of its program, and V8 takes it", async () => {
    const look = `const path = "/opt/cloister/lib/container-program.cjs", fs = require("fs");
      const text = "(function (exports, require, module, __filename, __dirname) {" + fs.readFileSync(path, "utf8") + "\\n})";
      const cachedData = fs.readFileSync(path + ".compiled");
      const taken = (text) => !new (require("vm").Script)(text, { filename: path, cachedData }).cachedDataRejected;
      console.log(taken(text), taken(text + " "));`;
    const { stdout, stderr } = await start({
      command: [],
      change: (words) => [...words, "--entrypoint=/opt/cloister/bin/node"],
      words: ["-e", look],
    });
    assert.equal(stdout.trim(), "true false", stderr);
  });

  it("fails closed without --user, where the folders are another user's than the image's", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const other = await give("other");
    await chown(other, 1234, 1234);
    const request = { command: ["run"], mounts: [`${other}:other:rw`], words: ["--", "touch", "mnt/other/made"] };
    const userless = (words: readonly string[]) => words.filter((word) => !word.startsWith("--user="));
    const without = await start({ ...request, change: userless });
    assert.notEqual(without.exitCode, 0);
    assert.deepEqual(await readdir(other), ["given"]);
    const { exitCode, stderr } = await start(request);
    assert.equal(exitCode, 0, stderr);
    assert.equal((await stat(join(other, "made"))).uid, 1234, "the control: with it the file is that user's");
  });

  it("refuses folders of root's, and all other wrong folders, in one round", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const roots = join(folder, "roots");
    await mkdir(roots);
    const mounts = [`${roots}:a:rw`, "/nowhere:b:ro", `${roots}:c:rx`, "/etc:d:ro"];
    await assert.rejects(start({ command: ["run"], mounts, words: ["--", "true"] }), (error: Error) => {
      for (const what of ["is root's", "no such folder", '"rx"', "/etc belongs"])
        assert.ok(error.message.includes(what), what);
      return true;
    });
  });

  it("fails closed without any one of its options, and names it", async () => {
    const words: string[] = [];
    const keep = (given: readonly string[]) => {
      words.push(...given);
      return given;
    };
    const all = await start({ command: ["check"], change: keep });
    assert.deepEqual([all.exitCode, all.stderr.trim()], [0, ""], "the control: with all of them it starts");
    // The next tests, and those of an ordinary user, look at these.
    const elsewhere = ["--user=", "--userns=", "--hostname="];
    const tried = words.filter((word) => !elsewhere.some((start) => word.startsWith(start)));
    assert.ok(tried.length >= 10);
    for (const word of tried) {
      const { exitCode, stderr } = await start({ command: ["check"], change: without(word) });
      assert.notEqual(exitCode, 0, `without ${word} it starts`);
      const name = word.replace(/^--security-opt=/, "").split(/[=:]/)[0] ?? "";
      // Some are refused by the engine itself, which has its own words.
      assert.match(stderr, word.startsWith("--memory") ? /swap|memory/ : new RegExp(name), word);
    }
    const renamed = await start({ command: ["verify", "--quick", "--json"], change: without("--hostname=claude") });
    assert.equal(renamed.exitCode, 1);
    assert.match(renamed.stdout, /started without --hostname=claude/);
  });

  it("runs weaker only when told to, and says so every time", async () => {
    const drop = (words: readonly string[]) => words.filter((word) => !word.startsWith("--cpus"));
    const request = { words: ["--", "true"], change: drop };
    const refused = await start({ command: ["run"], ...request });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /--cpus.*processor time has no limit.*--accept-weaker/);
    const ran = await start({ command: ["run", "--accept-weaker", "--json"], ...request });
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.match(ran.stderr, /weaker than it should be/);
    assert.equal((JSON.parse(ran.stdout) as { weaker: string[] }).weaker.length, 1);
  });

  it("is built the same from the same, without what builds programs, with an SBOM", async function () {
    if (host.program !== "podman") this.skip();
    const tag = "localhost/cloister-test:again";
    // Another folder, with files of another time, and nothing from the engine's cache.
    const [context, copy] = [await ensureContext({ arch: archOfThisComputer() }), join(folder, "context")];
    await cp(context.path, copy, { recursive: true, verbatimSymlinks: true });
    await utimes(join(copy, "runtime/lib/container-program.cjs"), 1, 1);
    const nameless = async () => {
      const { stdout } = await engine(host, ["images", "--quiet", "--filter=dangling=true"], { stdin: "ignore" });
      return new Set(String(stdout).split("\n"));
    };
    const { base } = await build();
    const before = await nameless();
    const spec = { name: tag, base, version: context.version, path: copy, arch: archOfThisComputer(), anew: true };
    await engine(host, buildArguments(host, spec), { stdin: "ignore", env: { SOURCE_DATE_EPOCH: "0" } });
    assert.deepEqual(
      [...(await nameless())].filter((id) => !before.has(id)),
      [],
      "a build leaves no image without a name",
    );
    const [first, second] = await Promise.all([describeImage(image), describeImage(tag)]);
    // Layers, and all that decides how it runs. The name of the container that it was built in, which the engine keeps, differs.
    assert.deepEqual(second, first);
    await engine(host, ["rmi", tag], { reject: false });
    const looked = await start({
      command: [],
      change: (words) => [...words, "--entrypoint=/bin/bash"],
      words: [
        "-c",
        "command -v gcc make cc dpkg-buildpackage; find / -xdev -perm /6000 -type f 2>/dev/null; " +
          "jq -r '.components | map(.purl) | .[]' /usr/share/cloister/sbom.cdx.json",
      ],
    });
    const lines = looked.stdout.trim().split("\n");
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("pkg:")),
      [],
    );
    for (const part of [
      "pkg:deb/debian/bubblewrap@",
      "pkg:npm/%40anthropic-ai/sandbox-runtime@",
      "pkg:golang/golang.org/x/sys@",
    ]) {
      assert.ok(
        lines.some((line) => line.startsWith(part)),
        part,
      );
    }
    assert.equal(first.config["User"], "1000:1000");
    assert.equal((first.config["Labels"] as Record<string, string>)["org.opencontainers.image.title"], "cloister");
    assert.ok(first.healthcheck);
  });
});
