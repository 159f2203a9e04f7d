import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { shellQuoted } from "../../infra/local/ssh.ts";
import { copyProject, REPOSITORY } from "../../rehearsal/project-copy.ts";
import { readTutorial, type TutorialStep, unmet } from "../support/tutorial.ts";

/** Deeds of the first hour that the page has no room for, in its folder and on its machine. */
const MORE: readonly TutorialStep[] = [
  {
    commands: "cloister run --here -- sh -c 'echo new > made.txt'\ncat made.txt",
    shown: ["cloister: brought back: 1", "cloister:   made.txt", "new"],
  },
  {
    // Changed on both sides: nothing runs, and neither side is touched until one is preferred.
    commands: `cloister run --mount /sessions/folders/first-hour:f:rwd -- sh -c 'echo theirs > mnt/f/made.txt'
      echo mine > made.txt
      cloister run --here -- echo "it ran" || echo "exit code $?"
      cat made.txt
      cloister sync . --prefer machine
      cat made.txt`,
    shown: ["cloister: conflicts, both sides stay as they are: 1", "exit code 1", "mine", "theirs"],
  },
  {
    // A repository's objects are read-only: a copy is repeated over them.
    commands: `git clone -q . ~/twice
      cloister cp ~/twice :/sessions/folders/
      git -C ~/twice -c user.name=You -c user.email=you@example.com commit -q --allow-empty -m 'Once more'
      cloister cp ~/twice :/sessions/folders/
      cloister run --mount /sessions/folders/twice:twice:ro -- git -c safe.directory='*' -C mnt/twice log --format=%s`,
    shown: ["Once more", "A greeting"],
  },
  {
    commands: `cloister run -- node -e 'fetch("http://example.com").catch(() => console.log("denied"))' > asked.txt 2>&1
      cat asked.txt
      ! grep -i experimental asked.txt && rm asked.txt && echo "no warning"`,
    shown: ["denied", "cloister: to allow it, add: --allow example.com:80", "no warning"],
  },
  {
    // A connection that stays open does not keep what was told to end.
    commands: `serve='import socket, time; s = socket.create_server(("127.0.0.1", 8100)); c, _ = s.accept(); print("open"); time.sleep(900)'
      cloister run --detach --name mute -- python3 -u -c "$serve"
      cloister forward mute 8100:18100 &
      forward=$!
      curl -s -m 120 --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:18100/ &
      for i in $(seq 20); do cloister logs mute | grep open && break; done
      kill $forward
      for i in $(seq 10); do kill -0 $forward 2> /dev/null || break; sleep 1; done
      if kill -0 $forward 2> /dev/null; then echo "it goes on"; else echo "it has ended"; fi
      cloister sessions stop mute
      cloister sessions rm mute`,
    shown: ["open", "it has ended"],
  },
  {
    commands: 'cloister forward web 8000 || echo "exit code $?"\ncloister logs web || echo "exit code $?"',
    shown: ["cloister: nothing runs in the session web.… [CLOISTER_E_SESSION_UNKNOWN]", "exit code 1", "exit code 125"],
  },
];

/**
 * The page docs/first-hour.md, word by word, from a clone without packages, on a real machine and on a terminal: nothing
 * stands in. It is behind `npm run test:tutorial`.
 */
describe("the tutorial", function () {
  this.timeout(2_400_000);
  let folder: string;
  let project: string;
  let env: NodeJS.ProcessEnv;
  before(async function () {
    // script(1) of util-linux makes a terminal; other systems' takes other options.
    if (process.env["CLOISTER_TEST_TUTORIAL"] === undefined || process.platform !== "linux") this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-tutorial-"));
    project = join(folder, "cloister");
    await copyProject(project, ["Pulumi.local.yaml"], "none");
    await mkdir(join(folder, "home"));
    env = {
      ...process.env,
      HOME: join(folder, "home"),
      // What was downloaded and built before serves here too, and so do this user's registries.
      XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
      npm_config_cache: process.env["npm_config_cache"] ?? join(homedir(), ".npm"),
      npm_config_userconfig: process.env["npm_config_userconfig"] ?? join(homedir(), ".npmrc"),
      // As a terminal has it; the width keeps a table's rows in one line.
      TERM: "xterm-256color",
    };
    delete env["CLOISTER_STACK"];
    delete env["ANTHROPIC_API_KEY"];
  });
  after(async () => {
    if (folder === undefined) return;
    // When the page was not followed to its end, its machine still runs.
    await execa("npm", ["run", "-s", "down"], { cwd: project, env, reject: false });
    await rm(folder, { recursive: true, force: true });
  });

  it("does what it says, every command and every line that it shows", async () => {
    const page = readTutorial(await readFile(join(REPOSITORY, "docs/first-hour.md"), "utf8"));
    assert.ok(page.length > 10, "the control: the page's commands were found");
    // The last step takes the machine down.
    const steps = [...page.slice(0, -1), ...MORE, ...page.slice(-1)];
    const script = steps.flatMap(({ commands }, i) => [`echo "::step ${i}"`, commands]).join("\n");
    await writeFile(join(folder, "page.sh"), `stty cols 200\n${script}\n`);
    const words = ["bash", "-euo", "pipefail", join(folder, "page.sh")].map(shellQuoted).join(" ");
    const shell = await execa("script", ["-qefc", words, "/dev/null"], { cwd: project, env, reject: false, all: true });
    // Progress is written over itself: a terminal shows the last of it.
    const seen = stripVTControlCharacters(shell.all)
      .replaceAll("\r\n", "\n")
      .replace(/^[^\n]*\r/gm, "");
    const said = seen.split(/^::step \d+$/m).slice(1);
    console.log(seen.replace(/^/gm, "      "));
    assert.equal(shell.exitCode, 0, `it stopped in step ${said.length - 1}`);
    assert.deepEqual(
      steps.flatMap(({ shown }, i) => unmet(shown, said[i] ?? "").map((line) => `step ${i}: ${line}`)),
      [],
    );
  });
});
