import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { type PinnedAmi, withAmi } from "../../infra/aws/machines/pin-ami.ts";
import { ForgeStandIn } from "../../rehearsal/forge-stand-in.ts";
import { IMAGES, type Moto } from "../../rehearsal/moto.ts";
import type { Call } from "../../rehearsal/plugin/clients.ts";
import { copyProject, REPOSITORY } from "../../rehearsal/project-copy.ts";
import { standInAws } from "../../rehearsal/rehearsal.ts";

/** The stack of the demo: small, and of nobody. */
const STACK = `config:
  cloister:target: aws
  cloister:region: eu-central-1
  cloister:logRetentionDays: 7
  cloister:onDestroy: delete-data
  cloister:network: { cidr: 10.20.0.0/20, nat: single, flowLogs: false }
  cloister:pools: { small: { min: 0, max: 2 } }
  cloister:machines:
    one: {}
`;

/** Folders that the commands of a pull request need beside the program. */
const ALSO = ["preview", "policy", "rehearsal", ".gitignore"];

/** The result of a command. */
export interface Ran {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A world for one demo, in a temporary folder: a forge's bare repository with a clone of it, the forge's API, a state and AWS,
 * the last two being stand-ins on the loopback interface. Nothing of it is in the user's repository or account.
 */
export class World {
  readonly forge: ForgeStandIn;
  readonly clone: string;
  readonly #folder: string;
  readonly #moto: Moto;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #signal: AbortSignal | undefined;

  private constructor(folder: string, forge: ForgeStandIn, aws: Aws, signal: AbortSignal | undefined) {
    this.#folder = folder;
    this.#moto = aws.moto;
    this.forge = forge;
    this.clone = join(folder, "clone");
    this.#signal = signal;
    this.#env = {
      ...aws.env,
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_STACK: undefined,
      GITHUB_API_URL: forge.api,
      GITHUB_REPOSITORY: "demo/fleet",
      GITHUB_TOKEN: "secret-token",
      // The user's own settings of git, such as signed commits and hooks, are not meant for this repository.
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_DIR: undefined,
      GIT_WORK_TREE: undefined,
      GIT_INDEX_FILE: undefined,
      ...Object.fromEntries(
        ["AUTHOR", "COMMITTER"].flatMap((who) => [
          [`GIT_${who}_NAME`, "Demo"],
          [`GIT_${who}_EMAIL`, "demo@localhost"],
        ]),
      ),
    };
  }

  /**
   * Makes a world whose main branch has this project as it is in the working tree, with one stack, `dev`, that is not brought
   * up yet.
   *
   * @param signal ends the commands that run
   */
  static async create(report: (line: string) => void, signal?: AbortSignal): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "cloister-world-"));
    let [forge, aws]: [ForgeStandIn | undefined, Aws | undefined] = [undefined, undefined];
    try {
      const first = join(folder, "first");
      await copyProject(first, ALSO);
      for (const file of ["index.ts", "missing.ts"])
        await copyFile(join(REPOSITORY, "rehearsal/runtime-stand-in.ts"), join(first, "images/runtime", file));
      await writeFile(join(first, "Pulumi.dev.yaml"), withAmi(STACK, IMAGES[0] as PinnedAmi));
      await mkdir(join(folder, "state"));
      forge = await ForgeStandIn.start();
      aws = await standInAws(folder, report);
      const world = new World(folder, forge, aws, signal);
      await world.#prepare(first);
      return world;
    } catch (error) {
      await forge?.stop();
      await aws?.moto.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #prepare(first: string): Promise<void> {
    const git = async (...args: string[]): Promise<unknown> => await this.#must("git", args, first);
    await this.#must("npm", ["run", "-s", "pulumi", "--", "stack", "init", "dev", "--non-interactive"], first);
    // In the form in which edits write it, so that each commit shows only what it changes.
    const file = join(first, "Pulumi.dev.yaml");
    await writeFile(file, parseDocument(await readFile(file, "utf8")).toString());
    await git("init", "--quiet", "--initial-branch=main");
    // The packages are a link here, which the pattern of a folder does not match.
    await writeFile(join(first, ".git/info/exclude"), "node_modules\n");
    await git("add", "--all");
    await git("commit", "--quiet", "--message=The fleet");
    await git("clone", "--quiet", "--bare", first, join(this.#folder, "forge.git"));
    await git("clone", "--quiet", join(this.#folder, "forge.git"), this.clone);
    await symlink(join(REPOSITORY, "node_modules"), join(this.clone, "node_modules"));
    await writeFile(join(this.clone, ".git/info/exclude"), "node_modules\n");
  }

  /** Runs one of the project's commands in the clone: `npm run NAME -- ARGS`. */
  async npm(name: string, ...args: string[]): Promise<Ran> {
    return await this.#run("npm", ["run", "-s", name, "--", ...args], this.clone);
  }

  /** Runs git in the clone. */
  async git(...args: string[]): Promise<string> {
    return await this.#must("git", args, this.clone);
  }

  /** The text of the stack's file in the clone. */
  async readStack(): Promise<string> {
    return await readFile(join(this.clone, "Pulumi.dev.yaml"), "utf8");
  }

  async writeStack(text: string): Promise<void> {
    await writeFile(join(this.clone, "Pulumi.dev.yaml"), text);
  }

  /** Calls of AWS's API, so far, that change something. */
  async changingCalls(): Promise<number> {
    const text = await readFile(join(this.#folder, "calls"), "utf8").catch(() => "");
    const calls = text.split("\n").filter(Boolean);
    return calls
      .map((line) => JSON.parse(line) as Call)
      .filter(({ during }) => during !== "read" && during !== "invoke")
      .filter(({ operation }) => !/^(?:Describe|Get|List)/.test(operation)).length;
  }

  async dispose(): Promise<void> {
    await this.forge.stop();
    await this.#moto.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(program: string, args: readonly string[], cwd: string): Promise<Ran> {
    const cancel = this.#signal ? { cancelSignal: this.#signal } : {};
    const options = { cwd, env: this.#env, reject: false, stdin: "ignore", ...cancel } as const;
    const { exitCode, stdout, stderr } = await execa(program, args, options);
    this.#signal?.throwIfAborted();
    return { exitCode, stdout, stderr };
  }

  async #must(program: string, args: readonly string[], cwd: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#run(program, args, cwd);
    if (exitCode !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stderr}\n${stdout}`.trim());
    return stdout;
  }
}

type Aws = Awaited<ReturnType<typeof standInAws>>;
