import { access } from "node:fs/promises";
import { hostname, release, version } from "node:os";
import type { SystemFacts } from "../judge/system.ts";
import { parseAssignments, readText } from "./files.ts";

export async function lookAtSystem(): Promise<SystemFacts> {
  const [osRelease, uefi] = await Promise.all([
    readText("/etc/os-release"),
    access("/sys/firmware/efi").then(
      () => true,
      () => false,
    ),
  ]);
  return {
    osRelease: parseAssignments(osRelease ?? ""),
    kernelRelease: release(),
    kernelVersion: version(),
    hostname: hostname(),
    uefi,
  };
}
