import { lookup } from "node:dns/promises";
import { accessSync, constants } from "node:fs";
import type { Paths } from "../../infra/local/paths.ts";
import type { Settings } from "../../infra/settings/settings.ts";
import { cacheRoot } from "../../lib/store.ts";
import { thisHost } from "../../lib/system/index.ts";
import type { Host } from "../../lib/system/select.ts";
import { projectFolder } from "../../toolchain/own-backend.ts";
import { releaseHost } from "../../toolchain/versions.ts";

/** This computer, as far as it is looked at. Tests have another one. */
export interface Here {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly nodeVersion: string;
  readonly project: string;
  readonly cache: string;
  readonly host: Host;
  /** The device of KVM, and the file in which the kernel describes the processors (proc(5)). */
  readonly kvm: string;
  readonly cpuinfo: string;
  /** The kernel's setting by which AppArmor keeps ordinary programs from user namespaces (Ubuntu 24.04). */
  readonly restrictedNamespaces: string;
  /** Tells whether this user may read and write a file. */
  readonly mayUse: (path: string) => boolean;
  /** A public address: it shows how the network and its DNS answer. */
  readonly publicUrl: string;
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /** Maximum time for an answer of the network. Milliseconds. */
  readonly patienceMs: number;
}

export function realHere(env: NodeJS.ProcessEnv = process.env): Here {
  return {
    env,
    platform: process.platform,
    nodeVersion: process.versions.node,
    project: projectFolder,
    cache: cacheRoot(env),
    host: thisHost(env),
    kvm: "/dev/kvm",
    cpuinfo: "/proc/cpuinfo",
    restrictedNamespaces: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    mayUse: (path) => {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    publicUrl: releaseHost,
    lookup: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    patienceMs: 5_000,
  };
}

/** A local stack's configuration, and the places of its machine. */
export interface LocalStack {
  readonly name: string;
  readonly settings: Settings;
  readonly paths: Paths;
}
