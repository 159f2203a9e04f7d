import type { Step } from "./step.ts";

/** The steps of the local target, by name. Each is loaded only when it runs. */
export const STEPS = {
  "state-directory": async () => (await import("./state-directory.ts")).stateDirectory,
  "ssh-key": async () => (await import("./ssh-key.ts")).sshKey,
  "runtime-disk": async () => (await import("./runtime-disk.ts")).runtimeDisk,
  seed: async () => (await import("./seed.ts")).seed,
  "root-disk": async () => (await import("./root-disk.ts")).rootDisk,
  "session-disk": async () => (await import("./session-disk.ts")).sessionDisk,
  machine: async () => (await import("./machine.ts")).machine,
} as const;

export type StepName = keyof typeof STEPS;

type StepOf<Name extends StepName> = Awaited<ReturnType<(typeof STEPS)[Name]>>;

/** The input of a step. */
export type StepInput<Name extends StepName> = StepOf<Name> extends Step<infer Input, infer _> ? Input : never;

/** The result of a step. */
export type StepResult<Name extends StepName> = StepOf<Name> extends Step<infer _, infer Result> ? Result : never;
