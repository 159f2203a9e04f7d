import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { stringify } from "yaml";
import { ensureToolchain, type Toolchain } from "../toolchain/index.ts";
import { atExit, type OwnFolder, ownFolder } from "./at-exit.ts";
import { stopped } from "./signals.ts";

const repository = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

let toolchain: Promise<Toolchain> | undefined;

/** The toolchain under test, made once per test run. */
export function testToolchain(): Promise<Toolchain> {
  toolchain ??= ensureToolchain({ deep: false });
  return toolchain;
}

/** A `pulumi` that runs. */
export type EngineCall = ReturnType<typeof call>;

function call(pulumi: string, args: readonly string[], cwd: string, env: Record<string, string>) {
  // In a process group of its own: of a Ctrl-C it gets what is passed on, and not a second one, which would cut it short.
  const running = execa(pulumi, args, { cwd, env, all: true, reject: false, stdin: "ignore", detached: true });
  const interrupt = (): boolean => running.kill("SIGINT");
  stopped.addEventListener("abort", interrupt);
  const ended = atExit(() => running.kill("SIGKILL"));
  void running.finally(() => {
    stopped.removeEventListener("abort", interrupt);
    ended();
  });
  return running;
}

/** One resource of a stack's state, as `pulumi stack export` writes it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly dependencies?: readonly string[];
  /** Seconds. */
  readonly customTimeouts?: { readonly create?: number; readonly update?: number; readonly delete?: number };
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
}

export interface EngineResult {
  readonly exitCode: number | undefined;
  /** stdout and stderr as they came. */
  readonly all: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface EngineProjectOptions {
  /** Text of the program; default: an empty one. */
  readonly program?: string;
  /** The program's file, below the project. Default `index.js`, run by Node without any transpiler. */
  readonly main?: string;
  /** Merged into Pulumi.yaml. */
  readonly project?: Record<string, unknown>;
  /** Stack configuration, keys as in Pulumi.<stack>.yaml. */
  readonly config?: Record<string, unknown>;
  /** Use this folder (the repository, say) instead of a new one; it is not removed. */
  readonly folder?: string;
  readonly stack?: string;
  readonly env?: Record<string, string>;
  /** Folder of the state, which stays. Default: a new one, which goes with the project. */
  readonly state?: string;
  /** Once aborted, calls reject with its reason, and no other begins. Default: never. */
  readonly until?: AbortSignal;
}

/**
 * A project with one stack on a file backend of its own, all in a temporary folder, driven by the real engine. Each call
 * of the engine costs seconds: let tests share a project.
 */
export class EngineProject {
  readonly folder: string;
  readonly stack: string;
  /** Variables for the engine, on top of this process's environment. */
  readonly env: Record<string, string>;
  readonly #pulumi: string;
  readonly #temporary: OwnFolder;
  readonly #until: AbortSignal | undefined;

  private constructor(
    { folder, stack, env }: Pick<EngineProject, "folder" | "stack" | "env">,
    pulumi: string,
    temporary: OwnFolder,
    until: AbortSignal | undefined,
  ) {
    this.folder = folder;
    this.stack = stack;
    this.env = env;
    this.#pulumi = pulumi;
    this.#temporary = temporary;
    this.#until = until;
  }

  static async create(options: EngineProjectOptions = {}): Promise<EngineProject> {
    const { pulumi, env } = await testToolchain();
    const temporary = await ownFolder("cloister-engine-");
    const folder = options.folder ?? join(temporary.path, "project");
    const state = options.state ?? join(temporary.path, "state");
    const stack = options.stack ?? "test";
    const variables = {
      ...env,
      // As the project's own (toolchain/pulumi.ts).
      PULUMI_BACKEND_URL: `file://${state}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: "",
      ...options.env,
    };
    const project = new EngineProject({ folder, stack, env: variables }, pulumi, temporary, options.until);
    try {
      await mkdir(state, { recursive: true });
      if (!options.folder) await project.lay(options);
      if (options.config) await project.write(`Pulumi.${stack}.yaml`, { config: options.config });
      const made = await project.run(["stack", "init", stack]);
      if (made.exitCode !== 0) throw new Error(`pulumi stack init failed:\n${made.all}`);
    } catch (error) {
      await project.dispose();
      throw error;
    }
    return project;
  }

  private async lay({ main = "index.js", project, program = "" }: EngineProjectOptions): Promise<void> {
    await this.write("Pulumi.yaml", {
      name: "test",
      runtime: { name: "nodejs", options: { typescript: false } },
      main,
      ...project,
    });
    await this.write("package.json", { name: "test", private: true });
    await symlink(join(repository, "node_modules"), join(this.folder, "node_modules"));
    await this.write(main, program);
  }

  /** Writes a file of the project: text as it is, anything else as JSON, or YAML where the name says so. */
  async write(file: string, content: string | object): Promise<void> {
    const path = join(this.folder, file);
    await mkdir(dirname(path), { recursive: true });
    const format = (value: object): string =>
      /\.ya?ml$/.test(file) ? stringify(value) : JSON.stringify(value, null, 2);
    await writeFile(path, typeof content === "string" ? content : format(content));
  }

  async read(file: string): Promise<string> {
    return await readFile(join(this.folder, file), "utf8");
  }

  /** Starts `pulumi`; for tests that stop it on its way. */
  start(args: readonly string[], env: Record<string, string> = {}): EngineCall {
    const flags = ["--non-interactive", "--color=never"];
    return call(this.#pulumi, [...args, ...flags], this.folder, { ...this.env, ...env });
  }

  /** Runs `pulumi` to its end, whatever its exit code. */
  async run(args: readonly string[], env: Record<string, string> = {}): Promise<EngineResult> {
    this.#until?.throwIfAborted();
    const { exitCode, all, stdout, stderr, durationMs } = await this.start(args, env);
    this.#until?.throwIfAborted();
    return { exitCode, all, stdout, stderr, durationMs };
  }

  up(...args: string[]): Promise<EngineResult> {
    return this.run(["up", "--yes", "--skip-preview", "-s", this.stack, ...args]);
  }

  preview(...args: string[]): Promise<EngineResult> {
    return this.run(["preview", "-s", this.stack, ...args]);
  }

  refresh(...args: string[]): Promise<EngineResult> {
    return this.run(["refresh", "--yes", "--skip-preview", "-s", this.stack, ...args]);
  }

  destroy(...args: string[]): Promise<EngineResult> {
    return this.run(["destroy", "--yes", "--skip-preview", "-s", this.stack, ...args]);
  }

  async outputs(): Promise<Record<string, unknown>> {
    const { stdout } = await this.run(["stack", "output", "--json", "--show-secrets", "-s", this.stack]);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** All resources of the state, the stack itself and its providers included. */
  async resources(): Promise<StateResource[]> {
    const { stdout } = await this.run(["stack", "export", "-s", this.stack]);
    const state = JSON.parse(stdout) as { deployment: { resources?: StateResource[] } };
    return state.deployment.resources ?? [];
  }

  /** Removes the project, its state included. What its resources made is left: destroy them first. */
  async dispose(): Promise<void> {
    await this.#temporary.remove();
  }
}
