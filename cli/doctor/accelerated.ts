import { existsSync, readFileSync } from "node:fs";
import { chooseAccelerator } from "../../infra/local/host/accelerator.ts";
import { findFirmware } from "../../infra/local/host/firmware.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import { machineArchitecture } from "../../infra/local/preflight.ts";
import { hostArchitecture, qemuProgram } from "../../infra/local/qemu.ts";
import { type Finding, note, ok, problem } from "./finding.ts";
import type { Here, LocalStack } from "./here.ts";

const SLOW = "Until then machines are emulated, which is slow.";

/** Tells whether machines run at the processor's speed here, and if not, why. */
export async function accelerated(here: Here, { settings, paths }: LocalStack): Promise<Omit<Finding, "about">> {
  const cause = "acceleration";
  const running = livingProcess(paths);
  if (running && running.accelerator !== "tcg") return ok(cause, `the machine runs by ${running.accelerator}`);
  if (settings.accelerator === "tcg") return ok(cause, "machines are emulated, as configured");
  // In the way only where the configuration insists.
  const slow = settings.accelerator === "auto" ? note : problem;
  const architecture = machineArchitecture(settings);
  if (architecture !== hostArchitecture()) {
    return slow(
      "acceleration-foreign",
      `machines of ${architecture} are emulated on this computer, which is ${hostArchitecture()}`,
      'Write cloister:architecture "host", where the machine need not be of that kind.',
    );
  }
  if (here.platform === "linux") {
    const why = whyNoKvm(here);
    if (why) return slow(why.cause, why.seen, `${why.remedy} ${SLOW}`);
  }
  const firmware = findFirmware(architecture);
  if (!firmware || !here.host.hasCommand(qemuProgram(architecture))) return ok(cause, "it is tried when QEMU is there");
  const choice = await chooseAccelerator("auto", architecture, firmware);
  return choice.accelerator === "tcg"
    ? slow(
        "acceleration-trial",
        choice.why,
        `Look at the kernel's messages about kvm (sudo dmesg | grep -i kvm); nested virtualisation is often half there. ${SLOW}`,
      )
    : ok(cause, choice.why);
}

/** The reason why KVM's device cannot be used; undefined when it can. */
function whyNoKvm({ kvm, cpuinfo, mayUse }: Here): { cause: string; seen: string; remedy: string } | undefined {
  if (!existsSync(kvm)) {
    const [flag] = /\b(vmx|svm)\b/.exec(existsSync(cpuinfo) ? readFileSync(cpuinfo, "utf8") : "") ?? [];
    if (flag !== undefined) {
      return {
        cause: "kvm-module",
        seen: `the processor can (${flag}), but there is no ${kvm}: the kernel's module is not loaded`,
        remedy: `Load it: sudo modprobe ${flag === "vmx" ? "kvm_intel" : "kvm_amd"}. If that is refused, switch virtualisation on in the firmware's setup.`,
      };
    }
    return {
      cause: "kvm-off",
      seen: `there is no ${kvm}, and the processor offers no virtualisation`,
      remedy:
        "Switch virtualisation on in the firmware's setup; in a virtual machine, switch nested virtualisation on at its host.",
    };
  }
  if (mayUse(kvm)) return undefined;
  return {
    cause: "kvm-group",
    seen: `${kvm} is there, but not for this user`,
    remedy: "Join its group and log in again: sudo usermod -aG kvm $USER.",
  };
}
