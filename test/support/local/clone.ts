import { rename } from "node:fs/promises";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { pathsOf } from "../../../infra/local/paths.ts";
import { LocalStack } from "./stack.ts";

/** `npm start` and `npm run down` in a clone of their own; QEMU, ssh and images are stand-ins, the engine is the real one. */
export class Clone {
  readonly stack: LocalStack;
  project: string;
  /** What it is called with; tests may add to it. */
  env: Record<string, string>;

  constructor(stack: LocalStack) {
    this.stack = stack;
    this.project = stack.project;
    const { PULUMI_BACKEND_URL: _backend, PULUMI_CONFIG_PASSPHRASE: _passphrase, ...env } = stack.engine.env;
    this.env = env;
  }

  /** @param name of its folder. Default: a plain one */
  static async create(name?: string): Promise<Clone> {
    const stack = await LocalStack.create({}, name);
    await stack.engine.write("Pulumi.local.yaml", {
      encryptionsalt: /encryptionsalt: (.*)/.exec(await stack.engine.read("Pulumi.local.yaml"))?.[1] ?? "",
      config: { "cloister:accelerator": "tcg", "cloister:memoryMiB": "2048" },
    });
    return new Clone(stack);
  }

  /** Moves the project's folder. */
  async move(name: string): Promise<void> {
    const to = join(this.stack.folder, name);
    await rename(this.project, to);
    this.project = to;
  }

  /** Ends all that it may have left. */
  async dispose(): Promise<void> {
    await this.down();
    await this.stack.dispose();
  }

  cloister(...args: string[]) {
    return this.run("cli/bin.mjs", ...args);
  }

  pulumi(...args: string[]) {
    return this.run("lib/run-bundled.cjs", "toolchain/pulumi.ts", ...args);
  }

  start() {
    return this.run("lib/run-bundled.cjs", "cli/start/main.ts", "--no-session");
  }

  down(...args: string[]) {
    return this.run("lib/run-bundled.cjs", "cli/start/down.ts", ...args);
  }

  get paths() {
    return pathsOf(this.project, "local");
  }

  /** Machines of this clone, found without its help. */
  machines(): string[] {
    return execaSync("ps", ["-eo", "pid=,stat=,command="])
      .stdout.split("\n")
      .filter((line) => line.includes(this.paths.marker) && !/^\s*\d+ Z|cloister-guard/.test(line));
  }

  private run(...args: string[]) {
    // With a descriptor that is nobody's but the caller's, and in a group of its own, so that a test can kill all of it.
    return execa("bash", ["-c", 'exec 250</etc/hosts; exec node "$@"', "bash", ...args], {
      cwd: this.project,
      env: this.env,
      all: true,
      reject: false,
      detached: true,
      stdin: "ignore",
    });
  }
}
