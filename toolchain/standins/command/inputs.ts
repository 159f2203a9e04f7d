import { type Properties, reveal, unknown, type Value } from "./values.ts";

/** Inputs of one run of a command. */
export interface CommandInputs {
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly dir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly interpreter?: readonly string[];
  readonly logging?: Logging;
  readonly assetPaths?: readonly string[];
  readonly archivePaths?: readonly string[];
  readonly addPreviousOutputInEnv?: boolean;
}

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

export interface Failure {
  readonly property: string;
  readonly reason: string;
}

type Check = (value: Value) => string | undefined;

const isText: Check = (value) => (typeof value === "string" ? undefined : `must be a string, not ${kindOf(value)}`);
const isFlag: Check = (value) =>
  typeof value === "boolean" ? undefined : `must be true or false, not ${kindOf(value)}`;
const isList: Check = (value) => (Array.isArray(value) ? undefined : `must be a list, not ${kindOf(value)}`);
const isTexts: Check = (value) => {
  if (!Array.isArray(value)) return isList(value);
  const wrong = value.findIndex((item) => typeof item !== "string");
  return wrong < 0 ? undefined : `must be a list of strings; item ${wrong} is ${kindOf(value[wrong] ?? null)}`;
};
const isTextMap: Check = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `must be a map, not ${kindOf(value)}`;
  const wrong = Object.entries(value).find(([, item]) => typeof item !== "string");
  return wrong ? `must be a map of strings; ${wrong[0]} is ${kindOf(wrong[1])}` : undefined;
};
const isLogging: Check = (value) =>
  ["stdout", "stderr", "stdoutAndStderr", "none"].includes(value as string)
    ? undefined
    : `must be stdout, stderr, stdoutAndStderr or none, not ${JSON.stringify(value)}`;

const shared: Record<string, Check> = {
  dir: isText,
  environment: isTextMap,
  stdin: isText,
  interpreter: isTexts,
  logging: isLogging,
  assetPaths: isTexts,
  archivePaths: isTexts,
  addPreviousOutputInEnv: isFlag,
};

/** The inputs of command:local:Command 1.2.1. */
export const resourceChecks: Record<string, Check> = {
  ...shared,
  create: isText,
  update: isText,
  delete: isText,
  triggers: isList,
};

/** The arguments of command:local:run 1.2.1. */
export const functionChecks: Record<string, Check> = { ...shared, command: isText };

/** All that is wrong with the given properties; an unknown value (of a preview) fits everywhere. */
export function failuresOf(properties: Properties, checks: Record<string, Check>): Failure[] {
  return Object.entries(properties).flatMap(([property, marked]) => {
    const value = reveal(marked);
    if (value === null || value === unknown) return [];
    const check = checks[property];
    const reason = check ? check(value) : `is not a property of this type; there are ${Object.keys(checks).join(", ")}`;
    return reason ? [{ property, reason: `${property} ${reason}` }] : [];
  });
}

/** The properties in the form in which they are used: secrets bare, what is null left out. */
export function inputsOf(properties: Properties): CommandInputs {
  return Object.fromEntries(
    Object.entries(properties)
      .map(([key, value]) => [key, reveal(value)] as const)
      .filter(([, value]) => value !== null),
  ) as CommandInputs;
}

function kindOf(value: Value): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
