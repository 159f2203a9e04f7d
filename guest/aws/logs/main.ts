/** `cloister-logs.service`: installs AWS's own log agent, once, and lets it ship this machine's journal. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readMachine } from "../../../contract/machine.ts";
import { RUN_FILES } from "../../../contract/run-files.ts";
import { writeFileAtomic } from "../../lib/atomic-write.ts";
import { run, tryRun } from "../../lib/exec.ts";
import { Imds } from "../imds.ts";
import { say } from "../say.ts";
import { AGENT, AGENT_KEY, AGENT_VERSION, agentSettings, packageAddresses } from "./settings.ts";
import { checkSignature } from "./signature.ts";

/** At first boot packages may still be installed, and the role's rights may be a moment late. */
const TRIES = 6;
/** A package that trying again would not mend. */
class WrongPackage extends Error {}

/** Larger than any package of the agent so far (about 100 MB). */
const MOST_BYTES = 400_000_000;

async function install(region: string): Promise<void> {
  const { stdout } = await tryRun([
    "dpkg-query",
    "--show",
    "--showformat",
    "$" + "{Version}",
    "amazon-cloudwatch-agent",
  ]);
  // The package writes its version as 1.300072.0b1766-1.
  if (stdout === AGENT_VERSION || stdout.startsWith(`${AGENT_VERSION}-`)) return;
  const arch = (await run(["dpkg", "--print-architecture"])).stdout.trim();
  const system = /^ID=(.*)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1]?.replaceAll('"', "") ?? "ubuntu";
  const at = packageAddresses({ region, system, arch, base: process.env["CLOISTER_LOGS_PACKAGES"] });
  const [key, signature, data] = [await download(at.key), await download(at.signature), await download(at.deb)];
  const fingerprint = process.env["CLOISTER_LOGS_KEY"] ?? AGENT_KEY;
  await checkSignature({ data, signature, key, fingerprint }).catch((error: Error) => {
    throw new WrongPackage(`${at.deb} is not signed by AWS's key: ${error.message}; it is not installed`);
  });
  const folder = await mkdtemp("/var/tmp/cloister-logs-");
  try {
    const file = join(folder, "amazon-cloudwatch-agent.deb");
    await writeFile(file, data);
    // dpkg itself waits for no lock, and apt may be at work: at first boot, and whenever its timers fire.
    await run(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600", "install", file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(300_000) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  if (Number(response.headers.get("content-length") ?? 0) > MOST_BYTES) throw new Error(`${url}: too large`);
  return new Uint8Array(await response.arrayBuffer());
}

async function start(region: string, logGroups: { system: string; audit: string }): Promise<void> {
  const instance = await new Imds().item("instance-id");
  if (instance === undefined) throw new Error("the metadata service names no instance");
  const file = `${AGENT}/etc/cloister.json`;
  await writeFileAtomic(file, `${JSON.stringify(agentSettings({ region, instance, logGroups }), undefined, 2)}\n`);
  await run([
    `${AGENT}/bin/amazon-cloudwatch-agent-ctl`,
    "-a",
    "fetch-config",
    "-m",
    "ec2",
    "-s",
    "-c",
    `file:${file}`,
  ]);
}

const { aws } = await readMachine();
if (!aws) throw new Error("machine.json has no part `aws`: this is no machine of the AWS target");
for (let tries = 1; ; tries += 1) {
  try {
    await install(aws.region);
    await start(aws.region, aws.logGroups);
    await writeFile(RUN_FILES.logs, "");
    say(
      `logs: AWS's agent ${AGENT_VERSION} ships the journal to ${aws.logGroups.system}, audit rows to ${aws.logGroups.audit}`,
    );
    break;
  } catch (error) {
    const { message } = error as Error;
    if (tries < TRIES && !(error instanceof WrongPackage)) {
      process.stdout.write(`try ${tries} of ${TRIES}: ${message}\n`);
      await sleep(Math.min(5_000 * 2 ** tries, 60_000));
      continue;
    }
    const line = `logs: NOTHING IS SHIPPED to CloudWatch Logs: ${message}. They are in this machine's journal only`;
    say(line);
    await appendFile(RUN_FILES.notices, `${line}\n`);
    await writeFile(RUN_FILES.logs, `${message}\n`);
    process.exitCode = 1;
    break;
  }
}
