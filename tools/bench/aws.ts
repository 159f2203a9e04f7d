import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineResult } from "../../rehearsal/engine.ts";
import { clientsOf } from "../../rehearsal/look.ts";
import { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { type BenchStack, emptyBench, trimmedEmptyBench } from "./bench-stack.ts";
import { compared, type Figure } from "./figure.ts";
import { inTurn, seconds, spread } from "./statistics.ts";

type Report = (line: string) => void;
type Env = Readonly<Record<string, string>>;

/** Figures of the AWS target that the engine is needed for, under the stand-in for the AWS plugin. */
export async function awsFigures(runs: number, report: Report): Promise<Figure[]> {
  return [...(await manyMachines(runs, report)), ...(await pools(runs, report))];
}

async function succeeded(run: Promise<EngineResult>): Promise<EngineResult> {
  const result = await run;
  if (result.exitCode !== 0) throw new Error(`pulumi failed:\n${result.all}`);
  return result;
}

/** The stack dev, of which nothing is there yet, against an empty program. */
export async function coldFigures(runs: number, report: Report): Promise<Figure[]> {
  const [dev, empty, trimmed] = [
    await Rehearsal.create({ stack: "dev" }),
    await emptyBench(),
    await trimmedEmptyBench(),
  ];
  const usage = await UsageLog.create();
  try {
    const previewOf =
      (bench: BenchStack) =>
      async (env: Env = {}): Promise<void> => {
        // The bench's own call takes no environment: it is this process's.
        Object.assign(process.env, env);
        await bench.pulumi("preview", "-s", "bench");
        for (const key of Object.keys(env)) delete process.env[key];
      };
    const previews = {
      dev: async (env: Env = {}): Promise<void> =>
        void (await succeeded(dev.engine.run(["preview", "-s", "dev"], env))),
      empty: previewOf(empty),
      trimmed: previewOf(trimmed),
    };
    const each = <T>(measure: (preview: (env?: Env) => Promise<void>) => Promise<T>) => ({
      dev: () => measure(previews.dev),
      empty: () => measure(previews.empty),
      trimmed: () => measure(previews.trimmed),
    });
    for (const preview of Object.values(previews)) await preview();
    report("cold previews");
    const time = await inTurn(runs * 2, each(seconds));
    const used = await inTurn(
      3,
      each((preview) => usage.of(preview)),
    );
    const [plain, lean] = ["of an empty program", "of an empty program with our part of Pulumi's SDK"];
    const cpu = (name: keyof typeof used) => used[name].map(({ cpuMs }) => cpuMs);
    const memory = (name: keyof typeof used) => used[name].map(({ megabytes }) => megabytes);
    const [what, ourCpu, most] = [
      "cold preview of dev",
      "CPU time of the program in it",
      "memory of the program in it, at most",
    ];
    return [
      compared(what, time.dev, plain, time.empty, { unit: "s", bound: 1 }),
      compared(what, time.dev, lean, time.trimmed, { unit: "s" }),
      compared(ourCpu, cpu("dev"), plain, cpu("empty"), { unit: "ms" }),
      compared(ourCpu, cpu("dev"), lean, cpu("trimmed"), { unit: "ms" }),
      compared(most, memory("dev"), plain, memory("empty"), { unit: "MB" }),
      compared(most, memory("dev"), lean, memory("trimmed"), { unit: "MB" }),
    ];
  } finally {
    await Promise.all([dev, empty, trimmed, usage].map((one) => one.dispose()));
  }
}

async function manyMachines(runs: number, report: Report): Promise<Figure[]> {
  const names = Array.from({ length: 100 }, (_, i) => `m${i}`);
  const of = (list: readonly string[]) => ({ machines: Object.fromEntries(list.map((name) => [name, {}])), pools: {} });
  const [many, one] = [
    await Rehearsal.create({ stack: "dev", config: of(names) }),
    await Rehearsal.create({ stack: "dev", config: of(["m0"]) }),
  ];
  try {
    const preview = ({ engine }: Rehearsal) => seconds(() => succeeded(engine.preview()));
    for (const stack of [many, one]) await preview(stack);
    report("100 named machines against one");
    const time = await inTurn(runs, { many: () => preview(many), one: () => preview(one) });
    return [compared("cold preview of 100 named machines", time.many, "of one", time.one, { unit: "s", bound: 3 })];
  } finally {
    await Promise.all([many.dispose(), one.dispose()]);
  }
}

/** The differences looked for here are small: they take more runs than the others. */
async function pools(few: number, report: Report): Promise<Figure[]> {
  const runs = few * 3;
  const of = (max: number) => Rehearsal.create({ stack: "dev", config: { pools: { small: { min: 0, max } } } });
  const [most, more, one] = [await of(1000), await of(500), await of(1)];
  try {
    for (const { engine } of [most, more, one]) await succeeded(engine.up());
    const preview = ({ engine }: Rehearsal) => seconds(() => succeeded(engine.preview("--expect-no-changes")));
    for (const stack of [most, more, one]) await preview(stack);
    report("pools of 1,000, of 500 and of one");
    const time = await inTurn(runs, { most: () => preview(most), more: () => preview(more), one: () => preview(one) });
    const state = async ({ engine }: Rehearsal) => {
      const { stdout } = await succeeded(engine.run(["stack", "export", "-s", "dev"]));
      return Buffer.byteLength(stdout) / 1000;
    };
    const sizes = await Promise.all([most, more, one].map(state));
    const [large = 0, middle = 0, small = 0] = sizes;
    const calls = (await one.calls()).filter(
      ({ urn, during }) => urn.includes("NamedMachine$") && during === "create",
    ).length;
    return [
      compared("preview of a pool of 1,000", time.most, "of one", time.one, {
        unit: "s",
        bound: 1.05,
        note: "two cells of 500",
      }),
      compared("its state", [large], "of one", [small], { unit: "KB", bound: 1.05, note: "two cells of 500" }),
      compared("preview of a pool of 500", time.more, "of one", time.one, { unit: "s", bound: 1.05 }),
      compared("its state", [middle], "of one", [small], { unit: "KB", bound: 1.05 }),
      { what: "user data of a machine", measured: spread([await userDataBytes(one)]), unit: "bytes", bound: 8192 },
      { what: "calls of the API that make one named machine", measured: spread([calls]), unit: "calls" },
    ];
  } finally {
    await Promise.all([most, more, one].map((stack) => stack.dispose()));
  }
}

/** The largest of all templates. */
async function userDataBytes({ moto }: Rehearsal): Promise<number> {
  const { ec2 } = clientsOf(moto.endpoint);
  const { LaunchTemplates = [] } = await ec2.describeLaunchTemplates({});
  const sizes = await Promise.all(
    LaunchTemplates.map(async ({ LaunchTemplateId }) => {
      const answer = await ec2.describeLaunchTemplateVersions({ LaunchTemplateId, Versions: ["$Latest"] });
      const data = answer.LaunchTemplateVersions?.[0]?.LaunchTemplateData?.UserData ?? "";
      return Buffer.from(data, "base64").length;
    }),
  );
  return Math.max(...sizes);
}

/** Resources of the computer that a program used. */
interface Usage {
  /** CPU time of all its threads, in the program and in the system. */
  readonly cpuMs: number;
  /** The most that it had at a time. */
  readonly megabytes: number;
}

/** Has Node write down, when a program of Pulumi ends, what it used. */
class UsageLog {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<UsageLog> {
    const folder = await mkdtemp(join(tmpdir(), "cloister-usage-"));
    await writeFile(
      join(folder, "watch.cjs"),
      `process.on("exit", () => {
        if (!process.argv.some((word) => word.includes("@pulumi/pulumi/cmd/run"))) return;
        const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
        const used = { cpuMs: (userCPUTime + systemCPUTime) / 1000, megabytes: (maxRSS * 1024) / 1e6 };
        require("node:fs").writeFileSync(${JSON.stringify(join(folder, "used.json"))}, JSON.stringify(used));
      });`,
    );
    return new UsageLog(folder);
  }

  /** Resources that the program used in the course of an action. */
  async of(action: (env: Env) => Promise<unknown>): Promise<Usage> {
    const result = join(this.#folder, "used.json");
    await rm(result, { force: true });
    await action({ NODE_OPTIONS: `--require ${join(this.#folder, "watch.cjs")}` });
    return JSON.parse(await readFile(result, "utf8")) as Usage;
  }

  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
