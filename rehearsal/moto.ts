// Stands in for the AWS API: moto's server, on loopback. It differs: it is a model of AWS (docs/fidelity.md lists what it
// lacks), any credentials do, and what AWS does in minutes it does at once.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ExecaError, execa } from "execa";
import { freePort } from "../lib/free-port.ts";
import { Store, sha256 } from "../lib/store.ts";
import { atExit, ownFolder } from "./at-exit.ts";
import { stopped } from "./signals.ts";

const REQUIREMENTS = fileURLToPath(new URL("./moto-requirements.txt", import.meta.url));

/** The image that stacks of a rehearsal are pinned to; the second is what a change of it is tried with. */
export const IMAGES = ["20260101", "20260201"].map((day, i) => ({
  id: `ami-0000000000000000${i}`,
  region: "eu-central-1",
  architecture: "arm64",
  owner: "099720109477",
  name: `ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-${day}`,
}));

/** moto's packages in the user's cache, installed once; the folder for Python's path. Needs Python 3.10 or newer with pip. */
export async function ensureMoto(report: (line: string) => void = () => {}): Promise<string> {
  const { stdout: python } = await execa("python3", ["-c", "import sys; print(sys.version_info[:2], sys.platform)"]);
  const requirements = await readFile(REQUIREMENTS, "utf8");
  const entry = await new Store().entry(
    "moto",
    sha256(JSON.stringify([requirements, python, process.arch, "compiled"])),
    async (folder) => {
      report("installing moto, which stands in for AWS (half a minute, once)");
      const flags = ["--quiet", "--no-compile", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
      await execa("python3", ["-m", "pip", "install", ...flags, "--target", folder, "--requirement", REQUIREMENTS], {
        env: { PIP_ROOT_USER_ACTION: "ignore" },
        cancelSignal: stopped,
      });
      // Compiled once, here: nothing may be added to an entry later. The large packages left out are never imported.
      const compile = [
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-x",
        "/(sympy|cfnlint|samtranslator|networkx)/",
      ];
      await execa("python3", ["-m", "compileall", ...compile, folder], { cancelSignal: stopped });
    },
    { deep: false, report },
  );
  stopped.throwIfAborted();
  return entry.path;
}

/** Folder of the schemas in {@link ensureMoto}'s. */
export const schemasIn = (packages: string): string => join(packages, "cfnlint", "data", "schemas");

/** A moto that runs. */
export interface Moto {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** botocore's service models. */
  readonly models: string;
  /** AWS's schemas of CloudFormation, as cfn-lint has them. */
  readonly schemas: string;
  /** Forgets everything. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts moto on a free port of the loopback interface, with nothing in it but its defaults and {@link IMAGES}. */
export async function startMoto(report?: (line: string) => void): Promise<Moto> {
  const packages = await ensureMoto(report);
  const own = await ownFolder("cloister-moto-");
  const folder = own.path;
  const images = join(folder, "images.json");
  await writeFile(images, JSON.stringify(IMAGES.map(described)));
  const port = await freePort();
  // Without `site`: only the packages of the entry, and nothing that a computer adds to every Python.
  const server = execa("python3", ["-S", "-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    cwd: folder,
    env: {
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: "1",
      MOTO_AMIS_PATH: images,
      MOTO_ENABLE_AMI_VALIDATION: "true",
      MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: "true",
    },
    reject: false,
    // In a process group of its own: a Ctrl-C would end it before those that still ask it.
    detached: true,
    stdin: "ignore",
    stdout: "ignore",
    // Each request is a line there.
    stderr: { file: join(folder, "log") },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const left = atExit(() => server.kill("SIGKILL"));
  const stop = async (): Promise<void> => {
    server.kill("SIGTERM");
    await server;
    left();
    await own.remove();
  };
  let ended: ExecaError | undefined;
  void server.then((result) => {
    ended = result as unknown as ExecaError;
  });
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`${endpoint}/moto-api/`).catch(() => undefined);
    if (answer) break;
    if (ended || stopped.aborted || tries > 600) {
      const log = await readFile(join(folder, "log"), "utf8").catch(() => "");
      await stop();
      stopped.throwIfAborted();
      throw new Error(`moto did not start:\n${log.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    endpoint,
    models: join(packages, "botocore", "data"),
    schemas: schemasIn(packages),
    async reset() {
      const { ok, status } = await fetch(`${endpoint}/moto-api/reset`, { method: "POST" });
      if (!ok) throw new Error(`moto's reset answered ${status}`);
    },
    stop,
  };
}

/** An image as moto's file of images has it. */
const described = (image: (typeof IMAGES)[number]) => ({
  ami_id: image.id,
  state: "available",
  public: true,
  owner_id: image.owner,
  image_location: "amazon/cloister",
  sriov: "simple",
  root_device_type: "ebs",
  root_device_name: "/dev/sda1",
  description: image.name,
  image_type: "machine",
  platform: null,
  architecture: image.architecture,
  name: image.name,
  virtualization_type: "hvm",
  hypervisor: "xen",
});
