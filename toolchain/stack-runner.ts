import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Report } from "../lib/store.ts";
import type { Toolchain } from "./index.ts";
import { releaseStaleLocks } from "./locks.ts";
import { pulumiEnvironment } from "./pulumi.ts";
import { removeTornMetadata } from "./torn-metadata.ts";

/** Root of the project, absolute. */
export const PROJECT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

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

/** One stack of this project, driven through the Pulumi CLI as a user would drive it. */
export class StackRunner {
  readonly name: string;
  private readonly toolchain: Toolchain;
  private readonly env: Record<string, string>;

  constructor(name: string, toolchain: Toolchain) {
    this.name = name;
    this.toolchain = toolchain;
    this.env = pulumiEnvironment(toolchain);
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
    if (!(await this.exists())) await this.capture(["stack", "init", this.name, "--no-select"]);
  }

  /** Forgets the stack, which must be empty; its configuration stays. */
  async remove(): Promise<void> {
    await this.capture(["stack", "rm", this.name, "--yes", "--preserve-config"]);
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
    });
    // On a terminal Ctrl-C reaches Pulumi too, which then stops what it is doing: we wait for it to end.
    const forward = () => child.kill("SIGINT");
    process.on("SIGTERM", forward);
    const output: string[] = [];
    const read = async (stream: NodeJS.ReadableStream): Promise<void> => {
      for await (const line of createInterface({ input: stream })) {
        output.push(line);
        if (line.trim() !== "" && !line.startsWith("@ ")) report(line.trimEnd());
      }
    };
    const code = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (exit, signal) => resolve(exit ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
    try {
      await Promise.all([read(child.stdout), read(child.stderr), code]);
    } finally {
      process.off("SIGTERM", forward);
    }
    const text = output.join("\n");
    if ((await code) !== 0) throw new PulumiError(command, await code, text);
    return { changed: /^\s+[-+~]+\s*\d+ (created|deleted|updated|replaced)/m.test(text) };
  }

  /** The state file of this stack, where the project keeps its own. */
  private get ownStateFile(): string | undefined {
    const backend = this.env["PULUMI_BACKEND_URL"];
    if (!backend?.startsWith("file:")) return undefined;
    return join(fileURLToPath(backend), ".pulumi", "stacks", "cloister", `${this.name}.json`);
  }

  private async capture(args: readonly string[]): Promise<string> {
    const { stdout, exitCode, all } = await execa(this.toolchain.pulumi, [...args, "--non-interactive"], {
      cwd: PROJECT,
      env: this.env,
      reject: false,
      all: true,
      stdin: "ignore",
    });
    if (exitCode !== 0) throw new PulumiError(args.join(" "), exitCode ?? 1, all);
    return stdout;
  }
}
