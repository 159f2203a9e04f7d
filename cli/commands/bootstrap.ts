import { createInterface } from "node:readline/promises";
import { type RawInputs, readInputs } from "../../infra/bootstrap/inputs.ts";
import { STACK } from "../../infra/bootstrap/names.ts";
import type { BootstrapOutputs } from "../../infra/bootstrap/program.ts";
import { projectFolder } from "../../toolchain/own-backend.ts";
import { inTheWay, lookAt } from "../bootstrap/account.ts";
import { type Backend, BootstrapEngine, type Step } from "../bootstrap/engine.ts";
import { leftToDo } from "../bootstrap/left.ts";
import { OperatorError, UsageError } from "../errors.ts";

/** Options of `cloister bootstrap` that are no inputs. */
export interface BootstrapOptions {
  readonly yes?: boolean;
  readonly destroy?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const report = (line: string): void => void process.stderr.write(`cloister: ${line}\n`);

/**
 * `cloister bootstrap`: makes an account ready for stacks, or takes that back. It previews, and asks before it acts.
 *
 * @returns 0
 * @throws UsageError with all that is wrong with the inputs
 */
export async function bootstrap(raw: RawInputs, { yes = false, destroy = false }: BootstrapOptions): Promise<number> {
  const read = readInputs(raw);
  if (read.inputs === undefined) {
    const lines = read.problems.map(
      ({ path, value, message }) => `  ${path}${value === undefined ? "" : ` ${value}`}: ${message}`,
    );
    throw new UsageError(`the account cannot be made ready:\n${lines.join("\n")}`);
  }
  const { inputs } = read;
  const found = await lookAt(inputs);
  const engine = await BootstrapEngine.open(projectFolder, inputs, report);
  const refusal = inTheWay(found, (await engine.here()) !== undefined, inputs);
  if (refusal && !(destroy && found.bucket === "none")) throw new OperatorError(refusal);
  const backend: Backend = found.bucket === "with the account's state" ? await engine.settle() : "here";
  if (destroy) {
    if (found.bucket === "none")
      throw new OperatorError(`--bucket ${inputs.bucket}: there is no such bucket, and so nothing to take back`);
    if (backend === "here")
      throw new OperatorError("an earlier run did not come to its end: run the command without --destroy first");
    return await takeBack(engine, inputs.bucket, yes);
  }
  await engine.configure(inputs);
  await engine.select(backend);
  const steps = await engine.preview(backend);
  if (steps.length > 0) {
    say(shown(steps));
    await consent(yes, `Do this in the account ${inputs.accountId}?`);
    await engine.show(backend, ["up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", STACK]);
  } else say(`The account ${inputs.accountId} is ready: nothing to change.`);
  if (backend === "here") {
    await engine.moveToBucket();
    say(`The account's own state is in ${inputs.bucket}.`);
  }
  const outputs = JSON.parse(
    await engine.text("bucket", ["stack", "output", "--json", "--stack", STACK]),
  ) as BootstrapOutputs;
  say(`\n${leftToDo(inputs, outputs)}`);
  return 0;
}

/** Takes rights back. The bucket, its key and the state stay: they are protected, and go by hand alone. */
async function takeBack(engine: BootstrapEngine, bucket: string, yes: boolean): Promise<number> {
  const stacks = await engine.stacks();
  if (stacks.length > 0)
    throw new OperatorError(
      `${bucket} has the state of ${stacks.length} ${stacks.length === 1 ? "stack" : "stacks"}: ${stacks.join(", ")}. Nothing was changed. Take each down first: pulumi destroy, then pulumi stack rm --preserve-config.`,
    );
  const kept = ["destroy", "--exclude-protected", "--stack", STACK];
  await engine.show("bucket", [...kept, "--preview-only"]);
  await consent(yes, "Take this back?");
  await engine.show("bucket", [...kept, "--yes", "--skip-preview"]);
  say(
    [
      `Roles and policies are gone. The bucket ${bucket}, its key and all states in it, old ones too, are still there.`,
      "cloister bootstrap makes the rest again. To delete them for good, by hand: empty the bucket with all versions,",
      "delete it, and schedule the key's deletion.",
    ].join("\n"),
  );
  return 0;
}

/** One line a step: `+ iam/role:Role fleet-deployer`. */
function shown(steps: readonly Step[]): string {
  const SIGNS: Readonly<Record<string, string>> = { create: "+", update: "~", delete: "-" };
  const lines = steps.map(({ op, urn }) => {
    const [, , type = "", name = ""] = urn.split("::");
    return `  ${SIGNS[op] ?? op} ${(type.split("$").at(-1) ?? "").replace(/^aws:/, "")} ${name}`;
  });
  return `${steps.length} changes:\n${lines.join("\n")}`;
}

async function consent(yes: boolean, question: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UsageError(
      "nothing was changed: there is no terminal to ask. Look at the changes above, and write --yes.",
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} Only "yes" does: `);
  terminal.close();
  if (answer.trim() !== "yes") throw new OperatorError("nothing was changed");
}
