import type { Expected } from "../../../contract/machine.ts";
import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

export interface SystemFacts {
  /** os-release(5). */
  readonly osRelease: Readonly<Record<string, string>>;
  /** uname's release: `6.8.0-90-generic`. */
  readonly kernelRelease: string;
  /** uname's version: `#91-Ubuntu SMP PREEMPT_DYNAMIC ...`. */
  readonly kernelVersion: string;
  readonly hostname: string;
  /** The host name that a session sees; undefined when none could be expected. */
  readonly sessionHostname?: string | undefined;
  /** True when the firmware that started the kernel was UEFI. */
  readonly uefi: boolean;
}

export function judgeSystem(
  facts: SystemFacts,
  expected: Pick<Expected, "hostname" | "ubuntu">,
  promised: Reference = REFERENCE,
): Verdicts {
  const name = facts.osRelease["PRETTY_NAME"] ?? "unknown";
  const boot = facts.uefi ? "UEFI" : "not UEFI";
  return {
    O1: distribution(name, expected, promised.O1.series),
    O2: kernel(facts, expected, promised.O2),
    O3: hostName(facts, expected, promised.O3),
    O4: verdict(boot, [boot !== promised.O4 && `the kernel was started without ${promised.O4}`]),
  };
}

/** The excuse of a machine that runs the newer release of Ubuntu which its stack asked for; undefined for all others. */
function newerExcuse(name: string, { ubuntu }: Pick<Expected, "ubuntu">): string | undefined {
  if (ubuntu === undefined || !name.startsWith(`Ubuntu ${ubuntu}`)) return undefined;
  return `Ubuntu ${ubuntu} was configured instead: reported, not held against it`;
}

function distribution(name: string, expected: Pick<Expected, "ubuntu">, series: string): Verdict {
  const excuse = newerExcuse(name, expected);
  const isOther = excuse === undefined && expected.ubuntu !== undefined;
  const found = verdict(name, [
    !name.startsWith(series) && "another distribution",
    isOther && `Ubuntu ${expected.ubuntu} was asked for`,
  ]);
  return excuse === undefined ? found : { ...found, excuse };
}

/**
 * Judges the host name: the machine and its sandboxes have the same. A session that could not be asked proves nothing.
 */
function hostName(
  { hostname, sessionHostname }: SystemFacts,
  expected: Pick<Expected, "hostname">,
  promised: string,
): Verdict {
  const inside = sessionHostname ?? "unknown";
  const seen = inside === hostname ? hostname : `${hostname}, in a session ${inside}`;
  return verdict(`${seen}${expected.hostname === promised ? "" : CONFIGURED}`, [
    hostname !== expected.hostname && `${expected.hostname} was asked for`,
    sessionHostname === undefined && "no session told its own",
    sessionHostname !== undefined &&
      sessionHostname !== expected.hostname &&
      `a session is to be ${expected.hostname} as well`,
  ]);
}

/** Judges the kernel. Ubuntu's kernel for AWS has the same series and sources, but is built without PREEMPT_DYNAMIC. */
function kernel(
  { osRelease, kernelRelease, kernelVersion }: SystemFacts,
  expected: Pick<Expected, "ubuntu">,
  promised: Reference["O2"],
): Verdict {
  const dynamic = kernelVersion.includes(promised.preemption);
  const series = kernelRelease.startsWith(`${promised.series}.`);
  const found = verdict(`${kernelRelease}${dynamic ? ` ${promised.preemption}` : ""}`, [
    !series && `not of the ${promised.series} series`,
    !dynamic && `not ${promised.preemption}`,
  ]);
  // Images of the newer release on AWS have newer kernels.
  const excuse = newerExcuse(osRelease["PRETTY_NAME"] ?? "", expected);
  if (excuse !== undefined) return { ...found, excuse };
  if (!series || dynamic || !kernelRelease.endsWith("-aws")) return found;
  return {
    ...found,
    excuse: `Ubuntu's kernel for AWS is built without ${promised.preemption}: reported, not held against it`,
  };
}
