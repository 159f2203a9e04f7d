import { createHash } from "node:crypto";
import { Provider as CommandProvider } from "@pulumi/command/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { renderMetaData, renderUserData, type UserData } from "../../cloud-init/render.ts";
import { expectedOf, type MachineInput, SESSION_LABEL } from "../../contract/machine.ts";
import { baseImageKey } from "../../images/base/key.ts";
import { runtimeImageKey } from "../../images/runtime/key.ts";
import { defined } from "../../lib/defined.ts";
import { agentOf, authoritiesOf, type Settings, sessionMemoryMiB } from "../settings/settings.ts";
import { type Paths, rootInState } from "./paths.ts";
import { PowerState } from "./power-state.ts";
import { type Architecture, SERIALS } from "./qemu.ts";
import { sshCommand } from "./ssh.ts";
import { StepCommand } from "./step-command.ts";
import type { RunningMachine } from "./steps/machine.ts";
import type { RuntimeDisk } from "./steps/runtime-disk.ts";

/** Arguments of {@link LocalMachine}. */
export interface LocalMachineArgs {
  readonly settings: Settings;
  readonly architecture: Architecture;
  /** Root of the project, absolute. */
  readonly project: string;
  /** Files of the machine. */
  readonly paths: Paths;
  /** Mirror for packages of Debian's stand-in image. @default none: then it installs none */
  readonly debianMirror?: string;
}

/**
 * One sealed machine on this computer: its key, its disks and the QEMU process that runs it, each a resource that can be
 * deleted. The session disk is kept when anything else is replaced.
 */
export class LocalMachine extends pulumi.ComponentResource {
  /** The command line that leads into the machine. */
  readonly ssh: pulumi.Output<string>;
  /** Result of its verification, in brief. */
  readonly verification: pulumi.Output<RunningMachine["verification"]>;
  /** The accelerator that runs its CPUs, and the reason for it. */
  readonly accelerator: pulumi.Output<string>;
  /** The network stack that it has, and the promises that this cannot keep. */
  readonly network: pulumi.Output<string>;
  /** The operating system's image it was made from, and why that one. */
  readonly baseImage: pulumi.Output<string>;
  /** Digest of its runtime image. */
  readonly runtimeImage: pulumi.Output<string>;

  constructor(name: string, args: LocalMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:local:Machine", name, {}, opts);
    const { settings, architecture, project, paths, debianMirror } = args;
    const root = rootInState(paths, project);
    const describe = (runtime: RuntimeDisk): MachineInput =>
      defined({ ...machineDescription(name, settings, runtime), debianMirror });
    // Too much user data is refused here, in the preview, before any of it is known in full.
    render(settings, SAMPLE_KEY, describe(SAMPLE_RUNTIME));

    const parent = { parent: this };
    // The steps have a provider of their own, so that its plugin starts while the other one does: default providers start one after the other.
    const steps = { ...parent, provider: new CommandProvider(`${name}-steps`, {}, parent) };
    const power = new PowerState(`${name}-power-state`, { root }, parent);
    const directory = new StepCommand(`${name}-state-directory`, { step: "state-directory", input: { root } }, steps);
    const inside = { ...steps, dependsOn: directory };
    const key = new StepCommand(`${name}-ssh-key`, { step: "ssh-key", input: { root } }, inside);
    const runtimeDisk = new StepCommand(
      `${name}-runtime-disk`,
      {
        step: "runtime-disk",
        input: { root, architecture, baseImage: settings.baseImage },
        triggers: [runtimeImageKey({ arch: architecture })],
      },
      inside,
    );
    const runtime = runtimeDisk.result();
    const userData = pulumi
      .all([key.result(), runtime])
      .apply(([publicKey, image]) => render(settings, publicKey, describe(image)));
    const identity = userData.apply(({ text }) => createHash("sha256").update(text).digest("hex").slice(0, 16));
    const seed = new StepCommand(
      `${name}-seed`,
      {
        step: "seed",
        input: {
          root,
          userData: userData.apply(({ text }) => text),
          metaData: identity.apply((id) => renderMetaData(`${name}-${id}`, settings.hostname)),
        },
        triggers: [identity],
      },
      inside,
    );
    const rootDisk = new StepCommand(
      `${name}-root-disk`,
      {
        step: "root-disk",
        input: { root, architecture, baseImage: settings.baseImage, sizeGiB: settings.rootDiskGiB },
        // Changed user data makes a new machine, as on every other target: it starts from a fresh root disk.
        triggers: [baseImageKey({ arch: architecture, choice: settings.baseImage }), settings.rootDiskGiB, identity],
      },
      inside,
    );
    const sessionDisk = new StepCommand(
      `${name}-session-disk`,
      { step: "session-disk", input: { root, sizeGiB: settings.sessionDiskGiB } },
      inside,
    );
    const disk = rootDisk.result();
    const machine = new StepCommand(
      name,
      {
        step: "machine",
        input: {
          root,
          architecture,
          accelerator: settings.accelerator,
          cpus: settings.cpus,
          memoryMiB: settings.memoryMiB,
          sshPort: settings.sshPort,
          hostAccess: settings.hostAccess,
          ...(settings.packages.length > 0 ? { installs: true } : {}),
          rootDisk: { baseImage: settings.baseImage, sizeGiB: settings.rootDiskGiB },
          ...(settings.boot === "direct-kernel" ? { kernel: disk.apply(({ kernel }) => kernel) } : {}),
        },
        // A disk that grew is grown inside by a boot.
        restartOn: [settings.sessionDiskGiB],
        triggers: [power.id, identity, disk.apply(({ digest }) => digest), settings.rootDiskGiB],
      },
      { ...steps, dependsOn: [seed, rootDisk, sessionDisk, power] },
    );
    const running = machine.result();
    this.ssh = running.apply(({ sshPort }) => sshCommand(paths, sshPort));
    this.verification = running.apply(({ verification }) => verification);
    this.accelerator = running.apply(({ why }) => why);
    this.network = running.apply(({ network }) => network);
    this.baseImage = disk.apply(({ image, why }) => `${image}: ${why}`);
    this.runtimeImage = runtime.apply(({ digest }) => `sha256:${digest}`);
    this.registerOutputs({
      ssh: this.ssh,
      verification: this.verification,
      accelerator: this.accelerator,
      network: this.network,
      baseImage: this.baseImage,
      runtimeImage: this.runtimeImage,
    });
  }
}

/** Stand for values that a preview cannot know; of the same length as the real ones. */
const SAMPLE_RUNTIME: RuntimeDisk = { digest: "0".repeat(64), size: 99_999_999 };
const SAMPLE_KEY = `ssh-ed25519 ${"A".repeat(68)} operator`;

function render(settings: Settings, publicKey: string, machine: MachineInput): UserData {
  const { hostname } = settings;
  const certificateAuthorities = authoritiesOf(settings);
  return renderUserData(defined({ hostname, operatorKeys: [publicKey], machine, certificateAuthorities }));
}

function machineDescription(name: string, settings: Settings, runtime: RuntimeDisk): MachineInput {
  return {
    name,
    target: "local",
    expected: expectedOf({
      hostname: settings.hostname,
      ...(settings.baseImage === "ubuntu-24.04" ? { ubuntu: "24.04" } : {}),
      cpus: [settings.cpus],
      memoryMiB: settings.memoryMiB,
      rootDiskGiB: settings.rootDiskGiB,
      sessionDiskGiB: settings.sessionDiskGiB,
    }),
    runtime: { digest: runtime.digest, size: runtime.size, serial: SERIALS.runtime },
    sessionDisk: { label: SESSION_LABEL, serial: SERIALS.session },
    sessions: { memoryMiB: sessionMemoryMiB(settings) },
    agent: agentOf(settings),
    ...(settings.packages.length > 0 ? { packages: settings.packages } : {}),
  };
}
