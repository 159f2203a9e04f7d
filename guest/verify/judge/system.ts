import { type Verdicts, verdict } from "./verdict.ts";

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

export function judgeSystem(facts: SystemFacts): Verdicts {
  const name = facts.osRelease["PRETTY_NAME"] ?? "unknown";
  const dynamic = facts.kernelVersion.includes("PREEMPT_DYNAMIC");
  return {
    O1: verdict(name, [!name.startsWith("Ubuntu 22.04") && "another distribution"]),
    O2: verdict(`${facts.kernelRelease}${dynamic ? " PREEMPT_DYNAMIC" : ""}`, [
      !facts.kernelRelease.startsWith("6.8.") && "not of the 6.8 series",
      !dynamic && "not PREEMPT_DYNAMIC",
    ]),
    O3: verdict(facts.hostname, [facts.hostname !== "claude" && "another name"]),
    O4: verdict(facts.uefi ? "UEFI" : "not UEFI", [!facts.uefi && "the kernel was started without UEFI"]),
  };
}
