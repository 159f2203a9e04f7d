import type { Engine } from "../../infra/container/engine.ts";

/** What is known of a computer's podman, for tests whose podman is a program of theirs on PATH. */
export const PODMAN: Engine = {
  program: "podman",
  rootless: false,
  cgroups: 2,
  apparmor: false,
  version: "4",
  env: {},
  notes: [],
};
