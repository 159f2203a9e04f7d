import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { parseDocument, stringify } from "yaml";
import type { Inputs } from "../../infra/bootstrap/inputs.ts";
import { PROJECT, STACK } from "../../infra/bootstrap/names.ts";
import { ensureToolchain, type Toolchain } from "../../toolchain/index.ts";
import { wantsPathStyle } from "../aws/clients.ts";
import { OperatorError } from "../errors.ts";
import { lackingIn, ownState, resourcesIn } from "./moved.ts";

/** A step of a preview. */
export interface Step {
  readonly op: string;
  readonly urn: string;
}

/** Where a state is: in a folder of this computer, or in the bucket. */
export type Backend = "here" | "bucket";

/** An account and its bucket. */
type Place = Pick<Inputs, "accountId" | "bucket" | "region">;

const FLAGS = ["--non-interactive", "--color=never"];

/**
 * Pulumi with the account's own stack. Its project is generated below `.cloister/bootstrap`, in a folder for each account and
 * bucket, where the state is too until the bucket is there.
 */
export class BootstrapEngine {
  readonly #folder: string;
  readonly #inputs: Place;
  readonly #pulumi: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  private constructor(
    folder: string,
    inputs: Place,
    pulumi: string,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#folder = folder;
    this.#inputs = inputs;
    this.#pulumi = pulumi;
    this.#env = env;
  }

  /**
   * @param project root of this project
   * @param ensure gets Pulumi. Default: finds, downloads or builds it
   */
  static async open(
    project: string,
    inputs: Place,
    report: (line: string) => void,
    ensure: () => Promise<Pick<Toolchain, "pulumi" | "env">> = () => ensureToolchain({ deep: false, report }),
  ): Promise<BootstrapEngine> {
    const toolchain = await ensure();
    const folder = join(project, ".cloister", "bootstrap", `${inputs.accountId}-${inputs.bucket}`);
    await mkdir(join(folder, "state"), { recursive: true });
    await writeFile(
      join(folder, "Pulumi.yaml"),
      stringify({
        name: PROJECT,
        description: "An account that is made ready for cloister",
        main: "../../../infra/bootstrap/main.mjs",
        runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--import cloister/lean-sdk" } },
      }),
    );
    const env = {
      ...toolchain.env,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // There is no secret in this state.
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
      PULUMI_ACCESS_TOKEN: undefined,
      PULUMI_STACK: undefined,
    };
    return new BootstrapEngine(folder, inputs, toolchain.pulumi, env);
  }

  /** Writes the inputs where the program reads them. */
  async configure(inputs: Inputs): Promise<void> {
    const file = join(this.#folder, `Pulumi.${STACK}.yaml`);
    const document = parseDocument(await readFile(file, "utf8").catch(() => "{}"));
    document.setIn(["config", `${PROJECT}:inputs`], JSON.stringify(inputs));
    await writeFile(file, document.toString());
  }

  /** The state that a run has left here which did not come to its end, or did not move it. One without resources is none. */
  async here(): Promise<string | undefined> {
    if (!existsSync(this.#stateFile)) return undefined;
    const exported = await this.#export("here");
    return resourcesIn(exported) > 0 ? exported : undefined;
  }

  get #stateFolder(): string {
    return join(this.#folder, "state");
  }

  get #stateFile(): string {
    return join(this.#stateFolder, ".pulumi", "stacks", PROJECT, `${STACK}.json`);
  }

  /** Makes the stack, unless it is there. */
  async select(backend: Backend): Promise<void> {
    await this.text(backend, ["stack", "select", "--create", STACK]);
  }

  /** The steps of an `up` that are none of `same`. */
  async preview(backend: Backend): Promise<readonly Step[]> {
    const { exitCode, stdout, stderr } = await this.#run(backend, ["preview", "--json", "--stack", STACK]);
    const { steps = [], diagnostics = [] } = digestIn(stdout);
    if (exitCode !== 0) {
      const said = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message.trim());
      throw new OperatorError(`the preview failed, and nothing was changed:\n${said.join("\n") || stderr || stdout}`);
    }
    return steps.filter(({ op }) => op !== "same" && op !== "read");
  }

  /** Runs Pulumi with its output for people. */
  async show(backend: Backend, args: readonly string[]): Promise<void> {
    const env = this.#envOf(backend);
    const options = {
      cwd: this.#folder,
      env,
      reject: false,
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
    } as const;
    const { exitCode } = await execa(this.#pulumi, [...args, ...FLAGS], options);
    if (exitCode !== 0)
      throw new OperatorError(
        `pulumi ${args[0]} ended with ${exitCode}: mend what it says, and run the same command again`,
      );
  }

  async text(backend: Backend, args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#run(backend, args);
    if (exitCode !== 0) throw new OperatorError(`pulumi ${args.join(" ")} failed:\n${stderr || stdout}`);
    return stdout;
  }

  /**
   * Moves the state from here into the bucket. What is here goes only when the bucket has all of it: a move that was
   * interrupted is made again.
   */
  async moveToBucket(): Promise<void> {
    const here = await this.#export("here");
    await this.select("bucket");
    if (resourcesIn(await this.#export("bucket")) === 0) {
      const file = join(this.#folder, "moving.json");
      await writeFile(file, here, { mode: 0o600 });
      await this.text("bucket", ["stack", "import", "--stack", STACK, "--file", file]);
      await rm(file);
    }
    if (lackingIn(await this.#export("bucket"), here).length > 0)
      throw new OperatorError("the state in the bucket lacks some of what the one here has: look at both");
    await this.#removeHere();
  }

  /**
   * Tells which state is the account's ({@link ownState}), and removes what is left here where that is the bucket's.
   *
   * @throws OperatorError when that is not safe; nothing is changed
   */
  async settle(): Promise<Backend> {
    const here = await this.here();
    const there = await this.#export("bucket");
    const backend = ownState({ here, there, bucket: this.#inputs.bucket, folder: this.#stateFolder });
    if (backend === "bucket") await this.#removeHere();
    return backend;
  }

  async #export(backend: Backend): Promise<string> {
    return await this.text(backend, ["stack", "export", "--stack", STACK]);
  }

  async #removeHere(): Promise<void> {
    await rm(this.#stateFolder, { recursive: true, force: true });
  }

  /** Stacks in the bucket, without the account's own. */
  async stacks(): Promise<readonly string[]> {
    const text = await this.text("bucket", ["stack", "ls", "--all", "--json"]);
    return (JSON.parse(text) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => !name.endsWith(`${PROJECT}/${STACK}`) && name !== STACK);
  }

  async #run(backend: Backend, args: readonly string[]) {
    const options = { cwd: this.#folder, env: this.#envOf(backend), reject: false, stdin: "ignore" } as const;
    return await execa(this.#pulumi, [...args, ...FLAGS], options);
  }

  #envOf(backend: Backend): Readonly<Record<string, string | undefined>> {
    const { bucket, region } = this.#inputs;
    const here = `${pathToFileURL(this.#stateFolder).href}?metadata=skip`;
    return { ...this.#env, PULUMI_BACKEND_URL: backend === "here" ? here : backendUrl(bucket, region) };
  }
}

/** The address of the state in a bucket. Services that are not AWS's have no name for each bucket. */
export function backendUrl(bucket: string, region: string, env: NodeJS.ProcessEnv = process.env): string {
  return `s3://${bucket}?region=${region}${wantsPathStyle(env) ? "&use_path_style=true" : ""}`;
}

interface Digest {
  readonly steps?: readonly Step[];
  readonly diagnostics?: readonly { readonly severity: string; readonly message: string }[];
}

/** A plugin that is installed may print before it. */
function digestIn(stdout: string): Digest {
  const at = stdout.search(/^\{/m);
  try {
    return JSON.parse(stdout.slice(Math.max(0, at))) as Digest;
  } catch {
    return {};
  }
}
