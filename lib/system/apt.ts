import { execa } from "execa";
import pRetry from "p-retry";
import { proxyEnvironment } from "../proxy.ts";
import type { Report } from "../store.ts";

const options = [
  // Seconds to wait for another installation that runs.
  ...["-o", "DPkg::Lock::Timeout=600"],
  ...["-o", "Acquire::Retries=3"],
  ...["-o", "Dpkg::Use-Pty=0"],
];

// apt reads the lower case of the proxy's variables only.
const env = { ...proxyEnvironment(), DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1", LC_ALL: "C.UTF-8" };

/** Installs packages of Debian or Ubuntu with what they depend on and nothing else; asks nothing. Needs root. */
export async function installPackages(packages: readonly string[], report: Report): Promise<void> {
  report("reading the package lists (apt-get update)");
  await aptGet(["update"], () => {}, report);
  report(`installing ${packages.join(" ")}`);
  let total = 0;
  let done = 0;
  await aptGet(
    ["install", "--yes", "--no-install-recommends", ...packages],
    (line) => {
      total = Number(/^\d+ upgraded, (\d+) newly installed/.exec(line)?.[1] ?? total);
      const name = /^Setting up (\S+)/.exec(line)?.[1];
      if (name) report(`installed ${++done}${total ? ` of ${total}` : ""}: ${name.replace(/:.*/, "")}`);
    },
    report,
  );
}

async function aptGet(args: readonly string[], onLine: (line: string) => void, report: Report): Promise<void> {
  await pRetry(
    async () => {
      const running = execa("apt-get", [...options, ...args], { env, all: true, stdin: "ignore" });
      for await (const line of running.iterable({ from: "all" })) onLine(line);
      await running;
    },
    {
      // The lists have a lock of their own, for which older versions of apt do not wait.
      retries: 30,
      minTimeout: 2_000,
      maxTimeout: 10_000,
      shouldRetry: ({ error }) => /Could not get lock|Unable to lock/.test((error as { all?: string }).all ?? ""),
      onFailedAttempt: ({ error }) => {
        if (/lock/.test((error as { all?: string }).all ?? "")) report("waiting for another installation that runs");
      },
    },
  );
}
