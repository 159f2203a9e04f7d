import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** The facts on which rootless podman depends, as `podman info` and the host tell them. */
export interface RootlessFacts {
  readonly cgroups: 1 | 2;
  /** Control groups' controllers that systemd gives to this user. */
  readonly controllers: readonly string[];
  /** How many user ids this user's namespaces have: one without an entry in /etc/subuid. */
  readonly ids: number;
  /** True where slirp4netns or pasta is on PATH. */
  readonly network: boolean;
  /** True where this user may open /dev/net/tun. */
  readonly tun: boolean;
  /** podman's storage driver. */
  readonly storage: string;
}

/** The ids that an image's files may have: root's is 0, and nobody's is 65534. */
const IDS = 65_535;

/** The limits of a container, and the controller that each of them needs. */
const CONTROLLERS = { memory: "memory", processes: "pids", processors: "cpu" } as const;

/**
 * The reasons why rootless podman can start no container here, each with the remedy. A pure function.
 */
export function rootlessProblems({ ids, network, tun }: RootlessFacts): string[] {
  return [
    ...(ids >= IDS
      ? []
      : [
          `your user has ${ids} user id${ids === 1 ? "" : "s"} for containers, and an image needs ${IDS}. Install uidmap, give it a range ` +
            '(usermod --add-subuids 200000-265535 --add-subgids 200000-265535 "$USER"), and run: podman system migrate',
        ]),
    ...(network
      ? []
      : ["neither slirp4netns nor pasta is on PATH, and a container's network is one of them: install slirp4netns"]),
    ...(tun || !network
      ? []
      : [
          "/dev/net/tun cannot be opened, which the container's network needs: load the module tun, and chmod 0666 /dev/net/tun",
        ]),
  ];
}

/** What works, and less well than it could, with the remedy. A pure function. */
export function rootlessNotes({ cgroups, controllers, storage }: RootlessFacts): string[] {
  const lacking = Object.entries(CONTROLLERS).filter(([, controller]) => !controllers.includes(controller));
  const remedy =
    cgroups === 1
      ? "the host has control groups of version 1: boot it with systemd.unified_cgroup_hierarchy=1"
      : `systemd gives users no ${lacking.map(([, controller]) => controller).join(", ")}: write [Service] and Delegate=cpu cpuset io ` +
        "memory pids into /etc/systemd/system/user@.service.d/delegate.conf, and log in again";
  return [
    ...(lacking.length === 0
      ? []
      : [
          `rootless podman can limit no ${lacking.map(([limit]) => limit).join(", ")} here, because ${remedy}. Or run podman as root`,
        ]),
    ...(storage === "vfs"
      ? [
          'podman\'s storage driver is vfs, which copies the whole image for each container: write [storage] and driver = "overlay" into ' +
            "~/.config/containers/storage.conf, and run: podman system reset",
        ]
      : []),
  ];
}

/** Looks for the network's helper and its device. */
export async function lookForNetwork(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Pick<RootlessFacts, "network" | "tun">> {
  // podman looks in these folders, too, which an ordinary user's PATH may not have.
  const folders = [
    ...(environment["PATH"] ?? "").split(delimiter),
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/libexec/podman",
  ];
  const allowed = (path: string, mode: number) =>
    access(path, mode).then(
      () => true,
      () => false,
    );
  const found = await Promise.all(
    folders.flatMap((folder) => ["slirp4netns", "pasta"].map((name) => allowed(join(folder, name), constants.X_OK))),
  );
  return { network: found.includes(true), tun: await allowed("/dev/net/tun", constants.R_OK | constants.W_OK) };
}
