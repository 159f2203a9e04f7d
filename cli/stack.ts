import { CONTAINER_MACHINE, LOCAL_MACHINE } from "../contract/machine.ts";
import { nearest } from "../contract/nearest.ts";
import { OperatorOutputs } from "../contract/outputs.ts";
import { ensureToolchain } from "../toolchain/index.ts";
import { PulumiError, StackRunner } from "../toolchain/stack-runner.ts";
import { OperatorError, UsageError } from "./errors.ts";
import { keptOutputs } from "./kept-outputs.ts";
import { rememberMachines, rememberPools } from "./known-names.ts";

/** A stack that is up: its name, and the outputs that the operator's command needs. */
export interface Stack {
  readonly name: string;
  readonly outputs: OperatorOutputs;
}

/**
 * Asks Pulumi for a stack's outputs, with the toolchain and the backend that `npm run pulumi` has. With a region in
 * `CLOISTER_REGION`, or by `--region`, nothing of Pulumi is asked: a stack on AWS is found by its tags.
 *
 * @throws OperatorError when there is no such stack, when it is not up, or when it was brought up by an earlier version
 */
export async function readStack(name: string): Promise<Stack> {
  const region = process.env["CLOISTER_REGION"];
  if (region) return { name, outputs: await (await import("./aws/discover.ts")).discover(name, region) };
  const stack = parseStack(name, await keptOutputs(name, () => askPulumi(name)));
  const { outputs } = stack;
  const machines = {
    local: () => [LOCAL_MACHINE],
    container: () => [CONTAINER_MACHINE],
    aws: () => (outputs.target === "aws" ? Object.keys(outputs.machines).sort() : []),
  };
  rememberMachines(name, machines[outputs.target]());
  if (outputs.target === "aws") rememberPools(name, Object.keys(outputs.pools).sort());
  return stack;
}

async function askPulumi(name: string): Promise<Record<string, unknown>> {
  const toolchain = await ensureToolchain({ deep: false, report: (line) => process.stderr.write(`${line}\n`) });
  const runner = new StackRunner(name, toolchain);
  try {
    return await runner.outputs();
  } catch (error) {
    if (!(error instanceof PulumiError && /no stack named/.test(error.output))) throw error;
    throw noSuchStack(name, await runner.names(), runner.backend);
  }
}

/** Reads a stack's outputs. */
export function parseStack(name: string, found: Readonly<Record<string, unknown>>): Stack {
  const up = `npm run -s pulumi -- up --stack ${name}`;
  if (Object.keys(found).length === 0) {
    throw new OperatorError(`the stack ${name} is not up: it has no outputs. Bring it up: ${up}`, {
      code: "CLOISTER_E_STACK_DOWN",
    });
  }
  const parsed = OperatorOutputs.safeParse(found);
  if (parsed.success) return { name, outputs: parsed.data };
  const missing = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new OperatorError(
    `the outputs of the stack ${name} are not those of this version (${missing}): it is half up, or an earlier version made it. Bring it up again: ${up}`,
    { code: "CLOISTER_E_STACK_DOWN" },
  );
}

function noSuchStack(name: string, names: readonly string[], backend: string | undefined): UsageError {
  const place = backend?.split("?")[0] ?? "the backend of `pulumi login`";
  const make = name === "local" ? "npm start makes it." : "docs/aws.md says how one is made; npm start makes local.";
  const known = names.length > 0 ? `There are: ${names.join(", ")}.` : `There is none yet: ${make}`;
  const close = nearest(name, names);
  return new UsageError(
    `there is no stack ${name} in ${place}. ${close ? `Did you mean ${close}? ` : ""}${known} A stack elsewhere is found with PULUMI_BACKEND_URL set, s3://my-pulumi-state for example.`,
    { code: "CLOISTER_E_NO_STACK" },
  );
}
