import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { whenAskedToStop } from "../lib/asked-to-stop.ts";
import type { Report } from "../lib/store.ts";
import type { Toolchain } from "./index.ts";
import { releaseStaleLocks } from "./locks.ts";
import { adoptState } from "./moved-state.ts";
import { type Environment, ownStateFile, projectFolder } from "./own-backend.ts";
import { pulumiEnvironment } from "./pulumi.ts";
import { toldOnce } from "./told-once.ts";
import { removeTornMetadata } from "./torn-metadata.ts";

/** Root of the project, absolute. */
export const PROJECT = projectFolder;

/** Pulumi ended with a failure; its own words are in `output`. */
export class PulumiError extends Error {
  readonly exitCode: number;
  readonly output: string;

  constructor(command: string, exitCode: number, output: string) {
    // The last lines say what is wrong; the lines before said how far it came.
    const end = output.indexOf("\nDiagnostics:");
    super(`pulumi ${command} failed with exit code ${exitCode}:\n${(end < 0 ? output : output.slice(end)).trim()}`);
    this.name = "PulumiError";
    this.exitCode = exitCode;
    this.output = output;
  }
}

/** Tells whether Pulumi failed because another run works on the stack. */
export const isLocked = (error: unknown): boolean =>
  error instanceof PulumiError && /currently locked by/.test(error.output);

/** One stack of this project, driven through the Pulumi CLI as a user would drive it. */
export class StackRunner {
  readonly name: string;
  private readonly toolchain: Toolchain;
  private readonly env: Environment;

  /** @param own in the project's own backend, whatever other one the user has chosen */
  constructor(name: string, toolchain: Toolchain, { own = false }: { readonly own?: boolean } = {}) {
    this.name = name;
    this.toolchain = toolchain;
    this.env = pulumiEnvironment(toolchain, { stack: name, own });
  }

  /** Address of the backend; undefined where `pulumi login` has chosen it. */
  get backend(): string | undefined {
    return this.env["PULUMI_BACKEND_URL"] ?? process.env["PULUMI_BACKEND_URL"];
  }

  /** True when the stack is in the backend. */
  async exists(): Promise<boolean> {
    if (!this.ownStateFile) return (await this.capture(["stack", "ls", "--json"])).includes(`"name": "${this.name}"`);
    return existsSync(this.ownStateFile);
  }

  /** Names of all stacks of this project in the backend. */
  async names(): Promise<string[]> {
    const stacks = JSON.parse(await this.capture(["stack", "ls", "--json"])) as { name: string }[];
    return stacks.map(({ name }) => name.split("/").at(-1) ?? name);
  }

  /** Makes the stack when it is not there. `Pulumi.<stack>.yaml` stays as it is. */
  async init(): Promise<void> {
    if (await this.exists()) return;
    try {
      await this.capture(["stack", "init", this.name, "--no-select"]);
    } catch (error) {
      // Another run made it a moment before.
      if (!(error instanceof PulumiError && /already exists/.test(error.output))) throw error;
    }
  }

  /**
   * Forgets the stack; its configuration stays.
   *
   * @param force also when it has resources, which are then nobody's
   */
  async remove({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    await this.capture(["stack", "rm", this.name, "--yes", "--preserve-config", ...(force ? ["--force"] : [])]);
  }

  /** Lets the state name today's folder of the project where it names one that is gone: it was moved. */
  async adopt(report: Report): Promise<void> {
    const file = this.ownStateFile;
    // A look at the file spares a call of Pulumi where there is nothing to do.
    if (!file || !existsSync(file) || !readFileSync(file, "utf8").includes('"dir"')) return;
    const state = adoptState(await this.capture(["stack", "export", "--stack", this.name]), PROJECT);
    if (!state) return;
    report(`the state of the stack ${this.name} names the folder ${state.from}, which is gone: it is ${PROJECT} now`);
    await this.capture(["stack", "import", "--stack", this.name], state.text);
  }

  /** Removes what a killed run left behind in a file backend: locks and half-written metadata. */
  async clearLeftovers(report: Report): Promise<void> {
    const { backend } = this;
    if (!backend?.startsWith("file:")) return;
    await releaseStaleLocks(backend, report);
    await removeTornMetadata(backend, report);
  }

  /** All outputs of the stack. */
  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.capture(["stack", "output", "--json", "--stack", this.name])) as Record<
      string,
      unknown
    >;
  }

  /**
   * Runs an update or a destruction; `report` hears what Pulumi prints, line by line.
   *
   * @returns whether anything changed
   * @throws PulumiError with all that was printed
   */
  async change(command: "up" | "destroy", report: Report): Promise<{ readonly changed: boolean }> {
    const args = [command, "--yes", "--skip-preview", "--non-interactive", "--color=never", "--stack", this.name];
    const child = spawn(this.toolchain.pulumi, args, {
      cwd: PROJECT,
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
      // In a process group of its own: of a Ctrl-C, which terminal and npm both send, it gets what is passed on. A second
      // one would cut it short.
      detached: true,
    });
    const done = whenAskedToStop(() => child.kill("SIGINT"));
    const output: string[] = [];
    const once = toldOnce();
    const read = async (stream: NodeJS.ReadableStream): Promise<void> => {
      for await (const line of createInterface({ input: stream })) {
        output.push(line);
        if (line.trim() !== "" && !line.startsWith("@ ")) report(once(line.trimEnd()));
      }
    };
    const code = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (exit, signal) => resolve(exit ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
    try {
      await Promise.all([read(child.stdout), read(child.stderr), code]);
    } finally {
      done();
    }
    const text = output.join("\n");
    if ((await code) !== 0) throw new PulumiError(command, await code, text);
    return { changed: /^\s+[-+~]+\s*\d+ (created|deleted|updated|replaced)/m.test(text) };
  }

  /** The state file of this stack, where the project keeps its own. */
  private get ownStateFile(): string | undefined {
    return this.env["PULUMI_BACKEND_URL"]?.startsWith("file:") ? ownStateFile(this.name) : undefined;
  }

  private async capture(args: readonly string[], input?: string): Promise<string> {
    const { stdout, exitCode, all, shortMessage } = await execa(this.toolchain.pulumi, [...args, "--non-interactive"], {
      cwd: PROJECT,
      env: this.env,
      reject: false,
      all: true,
      ...(input === undefined ? { stdin: "ignore" } : { input }),
    });
    // Without an exit code it was not started, or was ended: there are no words of its own.
    if (exitCode !== 0) throw new PulumiError(args.join(" "), exitCode ?? 1, all || String(shortMessage));
    return String(stdout);
  }
}
