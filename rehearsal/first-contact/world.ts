/** Where a first contact takes place: an account of AWS, or moto, which stands in for one. */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SSM } from "@aws-sdk/client-ssm";
import { STS } from "@aws-sdk/client-sts";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { resolveAmi, withAmi } from "../../infra/aws/machines/pin-ami.ts";
import { awsConnection } from "../../lib/aws-connection.ts";
import { EngineProject, type EngineResult } from "../engine.ts";
import { type Clients, clientsOf, clientsWith, inventory } from "../look.ts";
import type { Counted } from "../plugin/faults.ts";
import { copyProject, REPOSITORY } from "../project-copy.ts";
import { Rehearsal } from "../rehearsal.ts";
import { CONFIG, type Contact } from "./steps.ts";

/** A place with one stack in it. */
export interface World extends Contact {
  readonly account: string;
  /** All that the account has, one line each. */
  inventory(): Promise<string[]>;
  /** What the state has but the stack itself and its providers, one line each. */
  inState(): Promise<string[]>;
  /** Ends what was started here. The state of a stack on AWS stays. */
  leave(): Promise<void>;
}

/** Longest output of commands that is kept. */
const MOST_SAID = 1_000_000;

interface Project {
  readonly engine: EngineProject;
  readonly set: Contact["set"];
  readonly configured: Contact["configured"];
}

function common({ engine, set, configured }: Project) {
  let said = "";
  const pulumi = async (args: readonly string[]): Promise<EngineResult> => {
    const result = await engine.run(args);
    said = `${said}\n$ pulumi ${args.join(" ")}\n${result.all}`.slice(-MOST_SAID);
    return result;
  };
  const inState = async (): Promise<string[]> =>
    (await engine.resources())
      .filter(({ type, id }) => id !== undefined && !type.startsWith("pulumi:"))
      .map(({ type, id, urn }) => `${type} ${urn.split("::").at(-1)} (${id})`);
  return { pulumi, set, configured, outputs: () => engine.outputs(), said: () => said, inState };
}

/** Moto. Nothing boots there. */
export async function standInWorld({
  faults,
  report,
}: {
  readonly faults?: readonly Counted[];
  readonly report?: (line: string) => void;
} = {}): Promise<World> {
  const rehearsal = await Rehearsal.create({
    stack: "dev",
    config: CONFIG,
    // It destroys what it made, as in an account.
    goesOn: true,
    ...(faults ? { faults } : {}),
    ...(report ? { report } : {}),
  });
  const clients = clientsOf(rehearsal.moto.endpoint);
  const none = async (): Promise<never> => {
    throw new Error("the stand-in has no machines");
  };
  return {
    ...common({
      engine: rehearsal.engine,
      set: (config) => rehearsal.set(config),
      configured: (key) => rehearsal.configured(key),
    }),
    clients,
    standIn: true,
    account: "123456789012",
    region: "eu-central-1",
    stack: "dev",
    onMachine: none,
    cloister: none,
    inventory: async () => await inventory(clients, await rehearsal.kept()),
    leave: async () => await rehearsal.dispose(),
  };
}

/**
 * An account of AWS. The stack is `contact-` and six random digits, configured as {@link CONFIG}, in a copy of this project below `folder`; its state
 * stays there, so that what a broken run left can be taken down later.
 *
 * @param account the only one that is taken
 */
export async function awsWorld(args: {
  readonly account: string;
  readonly region: string;
  readonly folder: string;
}): Promise<World> {
  const { account, region, folder } = args;
  const { Account } = await new STS({ region, ...awsConnection() }).getCallerIdentity({});
  if (Account !== account)
    throw new Error(`these credentials are of account ${Account}, and not of --account ${account}: nothing was made`);
  // Of its own, so that no stack of somebody else's is met: dashboards of one name replace each other.
  const stack = `contact-${randomBytes(3).toString("hex")}`;
  const project = join(folder, "project");
  await mkdir(folder, { recursive: true });
  await copyProject(project, []);
  const engine = await EngineProject.create({ folder: project, stack, state: join(folder, "state") });
  const file = `Pulumi.${stack}.yaml`;
  const set = async (config: Readonly<Record<string, unknown>>): Promise<void> => {
    const document = parseDocument(await engine.read(file).catch(() => "config: {}"));
    for (const [key, value] of Object.entries(config))
      document.setIn(["config", `cloister:${key}`], document.createNode(value));
    await engine.write(file, document.toString());
  };
  // Nothing but what the estimate was made of: a stack of the project's may have larger machines, and a secret.
  await engine.write(file, "config: {}\n");
  await set({ target: "aws", ...CONFIG, region, accountId: account });
  await engine.write(file, withAmi(await engine.read(file), await resolveAmi(region)));
  const clients: Clients = clientsWith({ region, ...awsConnection() });
  const parts = common({
    engine,
    set,
    configured: async (key) =>
      (parseDocument(await engine.read(file)).toJS() as { config: Record<string, unknown> }).config[`cloister:${key}`],
  });
  return {
    ...parts,
    clients,
    standIn: false,
    account,
    region,
    stack,
    inventory: async () => await inventory(clients, {}, account),
    onMachine: async (script) => {
      const machines = (await parts.outputs())["machines"] as Record<string, { instanceId: string }>;
      return await bySsm(new SSM({ region, ...awsConnection() }), machines["one"]?.instanceId ?? "", script);
    },
    cloister: async (words) => {
      const command = [join(REPOSITORY, "cli/bin.mjs"), "--stack", stack, "--region", region, ...words];
      const { exitCode, all } = await execa(process.execPath, command, { all: true, reject: false });
      if (exitCode !== 0) throw new Error(`cloister ${words.join(" ")} ended with ${exitCode}:\n${all}`);
      return all;
    },
    leave: async () => await engine.dispose(),
  };
}

const SSM_TRIES = 120;

/** Runs a script as root by SSM. @throws Error with its output where it fails */
export async function bySsm(
  ssm: Pick<SSM, "sendCommand" | "getCommandInvocation">,
  instance: string,
  script: string,
  wait: (ms: number) => Promise<void> = async (ms) => await new Promise((done) => setTimeout(done, ms)),
): Promise<string> {
  const { Command } = await ssm.sendCommand({
    InstanceIds: [instance],
    DocumentName: "AWS-RunShellScript",
    Parameters: { commands: [script] },
  });
  for (let tries = 0; tries < SSM_TRIES; tries++) {
    await wait(2_000);
    const seen = await ssm
      .getCommandInvocation({ CommandId: Command?.CommandId, InstanceId: instance })
      .catch((error: Error) => {
        // It is not there at once.
        if (error.name === "InvocationDoesNotExist") return undefined;
        throw error;
      });
    if (!seen || ["Pending", "InProgress", "Delayed"].includes(seen.Status ?? "")) continue;
    const text = `${seen.StandardOutputContent ?? ""}${seen.StandardErrorContent ?? ""}`;
    if (seen.Status !== "Success") throw new Error(`${script} ended as ${seen.Status}:\n${text}`);
    return text;
  }
  throw new Error(`${script} did not end within ${(SSM_TRIES * 2) / 60} minutes`);
}
