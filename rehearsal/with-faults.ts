/** A stack's life while AWS has faults, by a plan. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Advice, adviceFor } from "../infra/aws/advice.ts";
import { readEvents } from "./events.ts";
import { type Clients, clientsOf, instancesOf, inventory, tagsOf } from "./look.ts";
import { IMAGES } from "./moto.ts";
import { counted, type Planned, planOf } from "./plan.ts";
import { Rehearsal } from "./rehearsal.ts";

/** One command that AWS's faults ended. */
export interface Ended {
  readonly command: string;
  readonly errors: readonly string[];
  readonly advice: readonly Advice[];
}

/** Results of one seed. */
export interface LifeWithFaults {
  readonly seed: number;
  readonly plan: readonly Planned[];
  readonly ended: readonly Ended[];
  /** Faults that the provider got over, or that the user was told, and how often AWS had them. */
  readonly happened: Readonly<Record<string, number>>;
  /** True when the pool's machines are still those of the old template: its refresh could not be started. */
  readonly poolIsOld: boolean;
  readonly seconds: number;
}

/** The configuration that meets all of the plan's operations. */
const CONFIG = { machines: { one: {} }, pools: { small: { min: 1, max: 1 } }, onDestroy: "delete-data" };
/** A new image: the machine is replaced, the pool's machines are refreshed. */
const CHANGE = { ami: IMAGES[1], sessionDiskGiB: 12 };
/** A thousandth of the time that AWS takes. */
const TIME_SCALE = 0.001;
const MOST_TRIES = 10;
/** What groups start by themselves is not in the state. */
const NOT_OF_THE_STATE = /^(instance|volume|interface|bucket policy|firewall:rule|dlm:policy) /;

/**
 * Brings the stack `dev` up, changes all its machines and takes it down, each with as many tries as the plan's faults take.
 * Throws where a command fails for another reason, where the state and AWS do not agree afterwards, or where something is left.
 */
export async function rehearseFaults(seed: number, say: (line: string) => void): Promise<LifeWithFaults> {
  const startedAt = performance.now();
  const plan = planOf(seed);
  const faults = counted(plan);
  for (const { kind, operation, times, reaches } of plan)
    say(`planned: ${kind}, ${times} times at ${operation}${reaches ? ": reaches the user" : ""}`);
  const rehearsal = await Rehearsal.create({
    stack: "dev",
    config: CONFIG,
    faults,
    timeScale: TIME_SCALE,
    report: say,
  });
  try {
    return {
      seed,
      plan,
      ...(await live(rehearsal, plan, say)),
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await rehearsal.dispose();
  }
}

async function live(
  rehearsal: Rehearsal,
  plan: readonly Planned[],
  say: (line: string) => void,
): Promise<Pick<LifeWithFaults, "ended" | "happened" | "poolIsOld">> {
  const { engine, stack } = rehearsal;
  const aws = clientsOf(rehearsal.moto.endpoint);
  const there = async (): Promise<string[]> => await inventory(aws, await rehearsal.kept());
  const ended: Ended[] = [];
  const finish = async (command: "up" | "destroy"): Promise<void> => {
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      const again = tries > 1 ? ["--refresh"] : [];
      const { exitCode, stdout, all } = await engine.run([
        command,
        "--yes",
        "--skip-preview",
        "--json",
        "-s",
        stack,
        ...again,
      ]);
      if (exitCode === 0) return;
      const errors = readEvents(stdout).errors.filter((error) => !/^(update|destroy) failed$/.test(error));
      const met = plan.filter(({ code }) => errors.some((error) => error.includes(code)));
      const other = errors.filter(
        (error) => !plan.some(({ code }) => error.includes(code)) && !/occurred|failed/.test(error),
      );
      if (met.length === 0 || met.some(({ reaches }) => !reaches) || other.length > 0)
        throw new Error(
          `pulumi ${command} failed, and not by a fault of the plan that reaches the user:\n${errors.join("\n") || all}`,
        );
      const advice = adviceFor(errors);
      ended.push({ command, errors, advice });
      for (const error of errors) say(`pulumi ${command}: ${error.replace(/\s+/g, " ")}`);
      for (const { name, next } of advice) say(`  ${name}: ${next}`);
      const silent = errors.filter(
        (error) => adviceFor([error]).length === 0 && met.some(({ code }) => error.includes(code)),
      );
      if (silent.length > 0) throw new Error(`no advice for: ${silent.join(", ")}`);
      await sleep(10);
    }
    throw new Error(`pulumi ${command} did not come to its end in ${MOST_TRIES} tries`);
  };

  const empty = await there();
  await finish("up");
  await agree(rehearsal, aws, empty);
  say("up: state and AWS agree");
  await rehearsal.set(CHANGE);
  await finish("up");
  await agree(rehearsal, aws, empty);
  say("a new image: state and AWS agree");
  const poolIsOld = Object.keys((await rehearsal.kept())["autoscaling:refresh"] ?? {}).length === 0;
  if (poolIsOld) say("the pool's machines are old, and no refresh runs: cloister refresh small");
  await finish("destroy");
  const left = (await there()).filter((line) => !empty.includes(line));
  if (left.length > 0) throw new Error(`after faults a destroy left: ${left.join(", ")}`);
  say("destroy: nothing is left");

  const came = await rehearsal.faults();
  const missing = came.filter(({ happened, times }) => happened < times);
  if (missing.length > 0)
    throw new Error(
      `planned, and did not come: ${missing.map(({ operation, code }) => `${code} at ${operation}`).join(", ")}`,
    );
  const told = plan.filter(({ reaches }) => reaches);
  const untold = told.filter(({ code }) => !ended.some(({ errors }) => errors.some((error) => error.includes(code))));
  if (untold.length > 0) throw new Error(`nobody was told of ${untold.map(({ kind }) => kind).join(", ")}`);
  return {
    ended,
    poolIsOld,
    happened: Object.fromEntries(came.map(({ happened }, i) => [plan[i]?.kind ?? "", happened])),
  };
}

const idIn = (line: string): string => line.split(" ").at(-1) ?? "";

/** Ids of what a new VPC has by itself. */
async function madeByAws({ ec2 }: Clients): Promise<string[]> {
  const { RouteTables = [] } = await ec2.describeRouteTables({});
  const { SecurityGroups = [] } = await ec2.describeSecurityGroups({});
  return [
    ...RouteTables.filter(({ Associations }) => Associations?.some(({ Main }) => Main)).map((one) => one.RouteTableId),
    ...SecurityGroups.filter(({ GroupName }) => GroupName === "default").map((one) => one.GroupId),
  ].filter((id) => id !== undefined);
}

/** That the state has all that AWS has, and AWS what the state says. */
async function agree(rehearsal: Rehearsal, aws: Clients, empty: readonly string[]): Promise<void> {
  const { engine } = rehearsal;
  const unchanged = await engine.preview("--expect-no-changes", "--refresh");
  if (unchanged.exitCode !== 0) throw new Error(`after faults the state differs from AWS:\n${unchanged.all}`);
  const known = JSON.stringify((await engine.resources()).map(({ id, outputs }) => [id, outputs]));
  const now = await inventory(aws, await rehearsal.kept());
  const byItself = await madeByAws(aws);
  const orphans = now.filter(
    (line) =>
      !empty.includes(line) &&
      !NOT_OF_THE_STATE.test(line) &&
      ![...byItself, known].some((one) => one.includes(idIn(line))),
  );
  if (orphans.length > 0) throw new Error(`AWS has what the state does not know: ${orphans.join(", ")}`);
  const named = (await instancesOf(aws)).filter(({ Tags }) => tagsOf(Tags)["cloister:machine"] === "one");
  if (named.length !== 1 || !known.includes(named[0]?.InstanceId ?? "-"))
    throw new Error(`there are ${named.length} instances of one machine, or another than the state's`);
  const { Volumes = [] } = await aws.ec2.describeVolumes({ Filters: [{ Name: "tag:Name", Values: ["one-session"] }] });
  if (Volumes.length !== 1 || Volumes[0]?.Attachments?.[0]?.InstanceId !== named[0]?.InstanceId)
    throw new Error("the session disk is lost, or is not at its machine");
}
