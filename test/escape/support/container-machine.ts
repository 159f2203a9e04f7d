import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { archOfThisComputer } from "../../../images/container/arch.ts";
import { type Engine, engine, findEngine } from "../../../infra/container/engine.ts";
import { ensureContainerImage, FROM_PACKAGES } from "../../../infra/container/image.ts";
import { containerOptions, DEFAULTS, optionWords, SECCOMP } from "../../../infra/container/options.ts";
import type { Finished, Machine, RootOptions, Scale, Sealed } from "./machine.ts";

/** The container's user. The suite's own programs are root there, with every capability: whoever attacks is this one. */
const USER = { uid: 1000, gid: 1000 } as const;

const LONGEST_MS = 600_000;

/** The suite's own things in the container. */
const OWN = "/escape";

/**
 * `cloister` as the suite's programs call it: they are root, for their canaries and controls, and a container's sessions never are.
 */
const WRAPPER = `#!/bin/sh
exec setpriv --reuid=${USER.uid} --regid=${USER.gid} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \\
  /opt/cloister/bin/cloister "$@"
`;

/** A container with exactly the documented options, and what the suite needs beside them. */
export async function bootContainer(
  say: (line: string) => void,
  scale: Scale,
  wanted?: string,
): Promise<{ machine: Machine; what: string; dispose: () => Promise<void> }> {
  const host = await findEngine(wanted);
  const { name: image } = await ensureContainerImage(host, {
    arch: archOfThisComputer(),
    base: FROM_PACKAGES,
    report: say,
  });
  const own = await mkdtemp(join(tmpdir(), "cloister-escape-"));
  const name = `cloister-escape-${randomBytes(4).toString("hex")}`;
  await chmod(own, 0o755);
  await mkdir(join(own, "bin"));
  await writeFile(join(own, "bin/cloister"), WRAPPER, { mode: 0o755 });
  await makeCertificate(join(own, "relay"));
  let outside: Awaited<ReturnType<typeof startOutside>> | undefined;
  const remove = async () => {
    // It dies with the container's processes: this is for a container that could not be removed.
    outside?.kill();
    await engine(host, ["rm", "--force", "--volumes", name], { reject: false, stdin: "ignore" });
    await rm(own, { recursive: true, force: true });
  };
  try {
    const options = containerOptions(host, { ...DEFAULTS, user: USER, folders: [], seccomp: SECCOMP });
    const words = [
      ...["run", "--detach", "--no-healthcheck", `--name=${name}`, ...optionWords(options)],
      ...(await pythonVolumes()).map((volume) => `--volume=${volume}:ro`),
      ...["bin", "relay"].map((folder) => `--volume=${join(own, folder)}:${OWN}/${folder}:ro`),
      // Canaries of root's, and programs of root's with set-id bits.
      "--tmpfs=/root:rw,size=16m,mode=0700,nosuid,nodev",
      "--tmpfs=/usr/local:rw,size=64m,mode=0755,nodev,exec,suid",
      ...[image, "wait"],
    ];
    await engine(host, words, { stdin: "ignore" });
    const folders = ["bin", "lib", "share"].map((folder) => `/usr/local/${folder}`);
    await engine(host, ["exec", "--privileged", "--user=0:0", name, "mkdir", "-p", ...folders], { stdin: "ignore" });
    outside = await startOutside(host, name);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    machine: containerMachine(host, name, { ...scale, container: true }),
    what: `a container of ${host.program} ${host.version}, with the documented options`,
    dispose: remove,
  };
}

/** The certificate of the stand-in for the model's API, which the wall `relay` puts into the relay's way. */
async function makeCertificate(folder: string): Promise<void> {
  await mkdir(folder);
  const [key, certificate] = ["key", "certificate"].map((name) => join(folder, `${name}.pem`)) as [string, string];
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api.anthropic.com";
  const name = ["-addext", "subjectAltName=DNS:api.anthropic.com"];
  await execa("openssl", [...words.split(" "), ...name, "-keyout", key, "-out", certificate], { stdin: "ignore" });
}

/**
 * Starts what runs positive controls without the engine's filters (far/outside.py).
 *
 * @throws when this process cannot enter the container's namespaces: it must be root, and the engine rootful
 */
async function startOutside(host: Engine, name: string) {
  const asked = await engine(host, ["container", "inspect", "--format", "{{.State.Pid}}", name], { stdin: "ignore" });
  const enter = ["--mount", "--uts", "--ipc", "--net", "--pid", `--target=${String(asked.stdout).trim()}`];
  const program = await readFile(join(import.meta.dirname, "../far/outside.py"), "utf8");
  const child = execa("nsenter", [...enter, "--", "/usr/bin/python3", "-c", program, "/root/outside.sock"], {
    stdin: "ignore",
    reject: false,
  });
  const first = await Promise.race([once(child.stdout, "data").then(([data]) => String(data)), child]);
  if (typeof first !== "string") throw new Error(`the container cannot be entered (be root): ${first.stderr}`);
  return { kill: () => child.kill("SIGKILL") };
}

function containerMachine(host: Engine, name: string, scale: Scale): Machine {
  const root = async (command: readonly string[], options: RootOptions = {}): Promise<Finished> => {
    const ran = await engine(
      host,
      [
        ...["exec", "--interactive", "--privileged", "--user=0:0"],
        ...[
          `--env=PATH=${OWN}/bin:/opt/cloister/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
          "--env=HOME=/root",
          name,
          ...command,
        ],
      ],
      {
        reject: false,
        input: options.stdin ?? "",
        timeout: options.timeoutMs ?? LONGEST_MS,
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    const late = ran.timedOut ? "\n(it took too long)" : "";
    return { exitCode: ran.exitCode ?? 255, stdout: String(ran.stdout), stderr: String(ran.stderr) + late };
  };
  return {
    scale,
    root,
    operator: () => Promise.reject(new Error("a container of its own has no operator")),
    async sealed(options, command): Promise<Sealed> {
      const finished = await root(["cloister", "run", "--json", ...options, "--", ...command]);
      const line = finished.stdout.split("\n").findLast((text) => text.startsWith("{"));
      return { ...finished, ...(line === undefined ? {} : { run: JSON.parse(line) as NonNullable<Sealed["run"]> }) };
    },
  };
}

/**
 * This computer's Python, read only: the suite's programs are Python, and the image has none. Its libraries are in the image, except what
 * is named here.
 *
 * @throws when this computer has no Python where Debian and Ubuntu have it
 */
async function pythonVolumes(): Promise<string[]> {
  const program = await realpath("/usr/bin/python3");
  const version = /python(3\.\d+)$/.exec(program)?.[1];
  if (version === undefined) throw new Error(`${program} is not Debian's or Ubuntu's Python`);
  const library = `/usr/lib/python${version}`;
  if (!(await readdir(library)).includes("os.py")) throw new Error(`${library} has no modules`);
  const { stdout } = await execa("ldd", [program]);
  const expat = /=> (\S*\/libexpat\.so\S*)/.exec(stdout)?.[1];
  return [
    `${program}:/usr/bin/python3`,
    `${library}:${library}`,
    ...(expat === undefined ? [] : [`${await realpath(expat)}:${expat.replace(/^\/lib\//, "/usr/lib/")}`]),
  ];
}
