import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { withAmi } from "../infra/aws/machines/pin-ami.ts";
import { type OwnFolder, ownFolder } from "./at-exit.ts";
import { EngineProject, testToolchain } from "./engine.ts";
import { IMAGES, type Moto, startMoto } from "./moto.ts";
import type { Kept } from "./plugin/answers.ts";
import type { Call } from "./plugin/clients.ts";
import type { Counted } from "./plugin/faults.ts";
import { copyProject, REPOSITORY } from "./project-copy.ts";
import { stopped } from "./signals.ts";
import { standInHome } from "./stand-in.ts";

/** Credentials that moto takes for those of its one account. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "rehearsal",
  AWS_SECRET_ACCESS_KEY: "rehearsal",
  AWS_SESSION_TOKEN: "",
  AWS_PROFILE: "",
  AWS_EC2_METADATA_DISABLED: "true",
};

/**
 * Starts moto, and gives the environment in which the engine's plugin `aws` is the stand-in and its API is moto.
 *
 * @param folder for Pulumi's plugins and for what the stand-in keeps
 */
export async function standInAws(
  folder: string,
  report?: (line: string) => void,
): Promise<{ moto: Moto; env: Record<string, string> }> {
  const toolchain = await testToolchain();
  const home = join(folder, "pulumi-home");
  await standInHome(home, toolchain.env["PULUMI_HOME"]);
  const moto = await startMoto(report);
  const env = {
    ...CREDENTIALS,
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "none"),
    AWS_CONFIG_FILE: join(folder, "none"),
    AWS_ENDPOINT_URL: moto.endpoint,
    PULUMI_HOME: home,
    CLOISTER_TEST_FILES: folder,
    CLOISTER_SERVICE_MODELS: moto.models,
    CLOISTER_AWS_SCHEMAS: moto.schemas,
    CLOISTER_CALLS: join(folder, "calls"),
    CLOISTER_KEPT: join(folder, "kept.json"),
  };
  return { moto, env };
}

export interface RehearsalOptions {
  /** Whose Pulumi.<stack>.yaml is used. */
  readonly stack: string;
  /** Keys that differ from that file, without `cloister:`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Faults that AWS shall have. */
  readonly faults?: readonly Counted[];
  /** Real seconds for each second that AWS takes. Default 0. */
  readonly timeScale?: number;
  readonly report?: (line: string) => void;
  /** Takes calls of the engine also when this process was told to stop. Default: it does not, and rejects with the reason. */
  readonly goesOn?: boolean;
}

/**
 * One stack of this project under the real engine: a copy of the project with state of its own, the stand-in for the
 * AWS plugin, and moto. The runtime image is a file of a few bytes.
 */
export class Rehearsal {
  readonly engine: EngineProject;
  readonly moto: Moto;
  readonly stack: string;
  readonly #own: OwnFolder;

  private constructor(engine: EngineProject, moto: Moto, stack: string, own: OwnFolder) {
    this.engine = engine;
    this.moto = moto;
    this.stack = stack;
    this.#own = own;
  }

  static async create(options: RehearsalOptions): Promise<Rehearsal> {
    const own = await ownFolder("cloister-rehearsal-");
    let moto: Moto | undefined;
    let engine: EngineProject | undefined;
    try {
      const { stack, config = {}, faults, timeScale = 0, report, goesOn = false } = options;
      const folder = join(own.path, "project");
      await copyProject(folder, [`Pulumi.${stack}.yaml`]);
      for (const file of ["index.ts", "missing.ts"])
        await copyFile(join(REPOSITORY, "rehearsal/runtime-stand-in.ts"), join(folder, "images/runtime", file));
      const standIn = await standInAws(own.path, report);
      moto = standIn.moto;
      const env: Record<string, string> = { ...standIn.env, CLOISTER_TIME_SCALE: String(timeScale) };
      if (faults) {
        env["CLOISTER_FAULTS"] = join(own.path, "faults.json");
        await writeFile(env["CLOISTER_FAULTS"], JSON.stringify(faults));
      }
      engine = await EngineProject.create({ folder, stack, env, ...(goesOn ? {} : { until: stopped }) });
      const rehearsal = new Rehearsal(engine, moto, stack, own);
      const file = `Pulumi.${stack}.yaml`;
      await engine.write(file, withAmi(await engine.read(file), IMAGES[0] as (typeof IMAGES)[0]));
      await rehearsal.set(config);
      return rehearsal;
    } catch (error) {
      await moto?.stop();
      await engine?.dispose();
      await own.remove();
      throw error;
    }
  }

  /** Changes the stack's configuration; null removes a key. */
  async set(config: Readonly<Record<string, unknown>>): Promise<void> {
    const file = `Pulumi.${this.stack}.yaml`;
    const document = parseDocument(await this.engine.read(file));
    for (const [key, value] of Object.entries(config)) {
      if (value === null) document.deleteIn(["config", `cloister:${key}`]);
      else document.setIn(["config", `cloister:${key}`], document.createNode(value));
    }
    await this.engine.write(file, document.toString());
  }

  /** A key of the stack's configuration; undefined when it is not set there. */
  async configured(key: string): Promise<unknown> {
    const document = parseDocument(await this.engine.read(`Pulumi.${this.stack}.yaml`));
    return (document.toJS() as { config: Record<string, unknown> }).config[`cloister:${key}`];
  }

  /** The calls of the API since the last time that they were forgotten. */
  async calls(): Promise<Call[]> {
    const text = await readFile(join(this.#own.path, "calls"), "utf8").catch(() => "");
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Call);
  }

  async forgetCalls(): Promise<void> {
    await rm(join(this.#own.path, "calls"), { force: true });
  }

  /** Things that the stand-in keeps itself because moto lacks them. */
  async kept(): Promise<Kept> {
    return JSON.parse(await readFile(join(this.#own.path, "kept.json"), "utf8").catch(() => "{}")) as Kept;
  }

  /** The plan's faults, with what has come of them. */
  async faults(): Promise<Counted[]> {
    return JSON.parse(await readFile(join(this.#own.path, "faults.json"), "utf8")) as Counted[];
  }

  async dispose(): Promise<void> {
    await this.moto.stop();
    await this.engine.dispose();
    await this.#own.remove();
  }
}
