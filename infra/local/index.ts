/** `cloister/local`: the local target's component, for programs of your own. See docs/library.md. */
export { type Parsed, type Problem, parseSettings, type Settings, SettingsError } from "../settings/settings.ts";
export { LocalMachine, type LocalMachineArgs } from "./machine.ts";
export { type Paths, pathsOf } from "./paths.ts";
export { hostFacts, machineArchitecture, preflight } from "./preflight.ts";
