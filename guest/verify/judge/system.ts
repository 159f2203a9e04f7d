import type { Asked } from "../../../contract/machine.ts";
import { CONFIGURED, type Verdict, type Verdicts, verdict } from "./verdict.ts";

export interface SystemFacts {
  /** os-release(5). */
  readonly osRelease: Readonly<Record<string, string>>;
  /** uname's release: `6.8.0-90-generic`. */
  readonly kernelRelease: string;
  /** uname's version: `#91-Ubuntu SMP PREEMPT_DYNAMIC ...`. */
  readonly kernelVersion: string;
  readonly hostname: string;
  /** Whether the firmware that started the kernel was UEFI. */
  readonly uefi: boolean;
}

const HOSTNAME = "claude";

export function judgeSystem(facts: SystemFacts, { hostname }: Pick<Asked, "hostname">): Verdicts {
  const name = facts.osRelease["PRETTY_NAME"] ?? "unknown";
  return {
    O1: verdict(name, [!name.startsWith("Ubuntu 22.04") && "another distribution"]),
    O2: kernel(facts),
    O3: verdict(`${facts.hostname}${hostname === HOSTNAME ? "" : CONFIGURED}`, [
      facts.hostname !== hostname && `${hostname} was asked for`,
    ]),
    O4: verdict(facts.uefi ? "UEFI" : "not UEFI", [!facts.uefi && "the kernel was started without UEFI"]),
  };
}

/** Ubuntu's kernel for AWS is of the same series and sources, but built without PREEMPT_DYNAMIC. */
function kernel({ kernelRelease, kernelVersion }: SystemFacts): Verdict {
  const dynamic = kernelVersion.includes("PREEMPT_DYNAMIC");
  const series = kernelRelease.startsWith("6.8.");
  const found = verdict(`${kernelRelease}${dynamic ? " PREEMPT_DYNAMIC" : ""}`, [
    !series && "not of the 6.8 series",
    !dynamic && "not PREEMPT_DYNAMIC",
  ]);
  if (!series || dynamic || !kernelRelease.endsWith("-aws")) return found;
  return {
    ...found,
    excuse: "Ubuntu's kernel for AWS is built without PREEMPT_DYNAMIC: reported, not held against it",
  };
}
