import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import type { Inputs } from "./change-set/build.ts";
import type { ChangeDocument, Rename } from "./change-set/document.ts";
import { type Engine, STREAM } from "./engine.ts";
import type { Collected } from "./events/merge.ts";
import type { Pack } from "./policy/pack.ts";
import { bothOf, lookSteadily } from "./steady.ts";

/** What makes the document. It is loaded while the engine runs. */
const builder = async () => await import("./change-set/build.ts");

type Run = NonNullable<Inputs["run"]>;

/** The inputs of a preview. */
export interface PreviewOptions {
  readonly engine: Engine;
  readonly stack: string;
  /** @default preview */
  readonly command?: "preview" | "destroy";
  /** Text of Pulumi.STACK.yaml before the change. One that is still read holds up nothing; one that fails ends the preview. */
  readonly base: string | Promise<string>;
  /** Text of Pulumi.STACK.yaml as it is now. */
  readonly head: string;
  /** As with the base, it may be found out meanwhile. */
  readonly run?: Run | Promise<Run>;
  /** Credentials of the run. */
  readonly secrets?: readonly string[];
  /** The policy pack that judges. @default none */
  readonly pack?: Pack;
  /** True when policies were wanted, and there is no pack because the stack seems to be elsewhere than on AWS. @default false */
  readonly unjudged?: boolean;
  /** Rehearses the deploy, and holds its calls against the policies of whoever deploys. @default not rehearsed */
  readonly rights?: Omit<NonNullable<Inputs["rights"]>, "calls"> & {
    readonly calls: () => Promise<NonNullable<Inputs["rights"]>["calls"]>;
  };
  /** Looks up as well how the account differs from the state. @default false */
  readonly drift?: boolean;
  /** Previews the base's configuration as well, to tell what is not this change's. @default false */
  readonly both?: boolean;
  /** True when the program is another one than the base's. @default false */
  readonly programChanged?: boolean | Promise<boolean>;
  /** File into which the preview's plan is written. @default none is kept */
  readonly savePlan?: string;
  /** True when the engine's AWS is a stand-in. @default false */
  readonly rehearsed?: boolean;
  /** Called when the engine's process is there, or when something else is waited for: what is started before it delays it. */
  readonly started?: () => void;
  /** Called when the engine has started the program, for what can be done beside that. */
  readonly meanwhile?: () => Promise<unknown>;
  readonly report?: (line: string) => void;
}

/**
 * Previews a stack. If a machine was renamed, it also previews a remedy. A user's own backend takes no lock for a
 * preview, so we read the state before and after. If it has moved, we start again once. If it moves again, the document
 * says so.
 */
export async function previewStack(options: PreviewOptions): Promise<ChangeDocument> {
  const { engine, stack, command = "preview", head, report = () => {} } = options;
  const told = Promise.all([options.base, options.run, options.programChanged]);
  // It is waited for beside the engine.
  told.catch(() => {});
  const isAsked = options.both === true && command === "preview";
  if (isAsked) options.started?.();
  const before = isAsked ? await options.base : "";
  const isBoth = before !== "";
  // The program of this folder runs on both sides: of equal configurations the two previews are one.
  const isOne = before === head;
  if (isBoth && !isOne) report("previewing the base as well");
  const {
    state,
    seen: [collected, ofBase],
    hasMoved,
  } = await lookSteadily(
    engine,
    stack,
    async () => {
      let goOn = (): void => {};
      const begun = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      // The same state for both, at the same time.
      const engines = bothOf(
        collectFrom(options, { begun: goOn, told }),
        isBoth && !isOne ? collectFrom(options, { told }, before) : Promise.resolve(undefined),
      );
      // Before that, the engine and its plugins need all processors to start.
      const beside = Promise.race([begun, engines]).then(() => Promise.all([builder(), options.meanwhile?.()]));
      // Whatever fails, the engines come to their end: nobody waits for them else.
      const [seen] = await bothOf(engines, beside);
      return seen;
    },
    () => report("the state moved while the preview ran: once more"),
  );
  const [base, run, programChanged] = await told;
  const baseOnly = isBoth && isOne ? collected : ofBase;
  const { buildDocument, takesNothing } = await builder();
  if (options.drift) report("looking for drift");
  const drift = options.drift ? await (await import("./drift/run.ts")).lookForDrift(engine, stack) : undefined;
  const doubts = hasMoved ? ["the state moved while the preview ran: something else deploys this stack"] : [];
  const inputs: Inputs = {
    stack,
    command,
    collected,
    state,
    base,
    head,
    doubts,
    ...(drift ? { drift } : {}),
    ...(run ? { run } : {}),
    ...(options.secrets ? { secrets: options.secrets } : {}),
    ...(options.rehearsed ? { rehearsed: true } : {}),
    ...(programChanged ? { programChanged: true } : {}),
    ...(options.unjudged ? { unjudged: true } : {}),
    ...(options.pack ? { policySettings: options.pack.settings } : {}),
  };
  const rights = await rightsIn(options, collected.result);
  const document = { ...buildDocument({ ...inputs, ...rights }), pending: null as ChangeDocument["pending"] };
  if (baseOnly) {
    const { pendingIn } = await import("./change-set/pending.ts");
    document.pending = pendingIn(document, buildDocument({ ...inputs, head: base, collected: baseOnly }));
  }
  const renames = document.renames.filter(({ kind }) => kind === "machine");
  if (command === "destroy" || renames.length === 0 || takesNothing(document)) return document;
  report("a machine looks renamed: trying what keeps its disk");
  const remedied = withFormerNames(head, renames);
  const tried = buildDocument({ ...inputs, head: remedied, collected: await collectFrom(options, {}, remedied) });
  const remedies = Object.fromEntries(
    renames.map((rename) => [rename.to, { config: remedyText(remedied, rename), tried }]),
  );
  return { ...buildDocument({ ...inputs, ...rights, remedies }), pending: document.pending };
}

/** A deploy that the preview refuses is not rehearsed. */
async function rightsIn(
  { rights, command }: PreviewOptions,
  result: Collected["result"],
): Promise<Pick<Inputs, "rights">> {
  if (rights === undefined || command === "destroy" || result !== "succeeded") return {};
  return { rights: { ...rights, calls: await rights.calls() } };
}

/** What goes on beside a run of the engine. */
interface Beside {
  /** Called at the engine's first line. */
  readonly begun?: () => void;
  /** When it fails, the run is of no use. */
  readonly told?: Promise<unknown>;
}

async function collectFrom(
  { engine, stack, command = "preview", pack, savePlan, started }: PreviewOptions,
  { begun = () => {}, told = Promise.resolve() }: Beside,
  text?: string,
): Promise<Collected> {
  const args = command === "destroy" ? ["destroy", "--preview-only"] : ["preview"];
  const folder = text === undefined ? undefined : await mkdtemp(join(tmpdir(), "cloister-preview-"));
  try {
    const file = folder === undefined ? undefined : join(folder, `Pulumi.${stack}.yaml`);
    if (file !== undefined) await writeFile(file, text ?? "", { mode: 0o600 });
    const judged = pack === undefined || command === "destroy" ? [] : ["--policy-pack", pack.folder];
    const config = file === undefined ? [] : ["--config-file", file];
    const plan = savePlan === undefined || text !== undefined ? [] : ["--save-plan", savePlan];
    const all = [...args, "--json", "--stack", stack, ...config, ...judged, ...plan];
    const stop = new AbortController();
    told.catch(() => stop.abort());
    const lines = engine.lines(all, { ...STREAM, ...pack?.env }, stop.signal)[Symbol.asyncIterator]();
    // Asking for a line starts the engine. What reads it is loaded while that starts.
    let next = lines.next();
    next.then(begun, () => {});
    started?.();
    try {
      const { Collector } = await import("./events/merge.ts");
      const collector = new Collector();
      // Git takes less time than the engine's first line.
      await told;
      for (;;) {
        const { done, value } = await next;
        if (done) return collector.finish();
        collector.add(value);
        next = lines.next();
      }
    } finally {
      // A reader that fails leaves no engine behind.
      await lines.return?.();
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Adds the former names of renamed machines to the configuration, and the zones of their disks. */
export function withFormerNames(head: string, renames: readonly Rename[]): string {
  const document = parseDocument(head);
  for (const { from, to, zone } of renames) {
    const path = ["config", "cloister:machines", to];
    const wish = document.getIn(path, true);
    const fields = {
      ...(typeof wish === "object" && wish !== null
        ? (document.toJS() as Machines).config["cloister:machines"][to]
        : {}),
    };
    document.setIn(path, document.createNode({ ...fields, was: from, ...(zone?.before ? { zone: zone.before } : {}) }));
  }
  return document.toString();
}

interface Machines {
  readonly config: { readonly "cloister:machines": Readonly<Record<string, object>> };
}

/** The lines of this configuration that the user has to write. */
function remedyText(config: string, { to }: Rename): string {
  const machines = (parseDocument(config).toJS() as Machines).config["cloister:machines"];
  return stringify({ "cloister:machines": { [to]: machines[to] } }).trim();
}
