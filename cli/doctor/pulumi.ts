import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { codeOf } from "../../contract/errors.ts";
import { parseSettings } from "../../infra/settings/settings.ts";
import { Store } from "../../lib/store.ts";
import { whyNoToolchain } from "../../toolchain/index.ts";
import { judgedLocks } from "../../toolchain/locks.ts";
import { configOf, isOfPassphrase, ownEnvironment, stateFolder } from "../../toolchain/own-backend.ts";
import { ownBackend } from "../../toolchain/pulumi.ts";
import { messageOf } from "../errors.ts";
import { type Finding, type Look, note, ok, problem } from "./finding.ts";
import type { Here } from "./here.ts";

type Told = Omit<Finding, "about">;

/** Pulumi, which every target needs. */
export async function pulumiLook(here: Here, goFolders?: readonly string[]): Promise<Told> {
  const why = await whyNoToolchain({
    env: here.env,
    store: new Store(here.cache),
    releaseHost: here.publicUrl,
    ...(goFolders === undefined ? {} : { goFolders }),
  });
  if (why === undefined) return ok("pulumi", "Pulumi is there, or can be had");
  const [seen = "", ...rest] = why.split(". ");
  return problem("pulumi", seen, rest.join(". "));
}

/** A stack's configuration, its backend's locks and its passphrase, without asking Pulumi. */
export function stackLooks(here: Here, name: string): Readonly<Record<string, Look>> {
  return {
    configuration: async () => configurationLook(here, name),
    lock: async () => await lockLook(here, name),
    passphrase: async () => passphraseLook(here, name),
  };
}

function configurationLook({ project }: Here, name: string): Told {
  const parsed = parseSettings(rawConfig(name, project), "cloister");
  if (parsed.problems.length === 0) return ok("configuration", `Pulumi.${name}.yaml is accepted`);
  const each = parsed.problems.map(
    ({ path, value, message }) => `${path}${value === undefined ? "" : ` = ${value}`}: ${message}`,
  );
  return problem("configuration", each.join(" "), `Edit Pulumi.${name}.yaml; docs/config.md lists all keys.`);
}

/** A stack's configuration as the engine hands it over: strings, and JSON for what is none. */
export function rawConfig(name: string, project: string): Readonly<Record<string, string>> {
  const config = configOf(name, project)?.config ?? {};
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** A lock in the project's own backend: of a run that goes on, or of one that was killed. */
async function lockLook({ project }: Here, name: string): Promise<readonly Told[]> {
  const locks = await judgedLocks(pathToFileURL(stateFolder(project)).href);
  const ours = locks.filter(({ lock }) => lock.file.includes(`/${name}/`));
  if (ours.length === 0) return [ok("lock", `no run of Pulumi holds the stack ${name}`)];
  return ours.map(({ lock, holder }) => {
    const since = lock.timestamp.toISOString();
    if (holder === "gone") {
      return problem(
        "lock-stale",
        `the stack ${name} is locked since ${since} by process ${lock.pid}, which is gone`,
        `Release it: npm run -s pulumi -- cancel --yes --stack ${name} (npm start and npm run down do it by themselves).`,
      );
    }
    return holder === "runs"
      ? note(
          "lock",
          `a run of Pulumi holds the stack ${name} since ${since}: process ${lock.pid}`,
          "Wait until it has ended.",
        )
      : problem(
          "lock-elsewhere",
          `the stack ${name} is locked since ${since} by a run on ${lock.hostname}`,
          `End that run, or remove ${lock.file}.`,
        );
  });
}

/** Holds the passphrase against the stack's salt, as Pulumi does. */
function passphraseLook({ env, project }: Here, name: string): Told {
  const salt = configOf(name, project)?.encryptionsalt;
  if (salt === undefined) return ok("passphrase", `the stack ${name} has no passphrase`);
  const effective: NodeJS.ProcessEnv = {
    ...env,
    ...(isOwn(env, name, project) ? ownEnvironment(env, name, project) : {}),
  };
  const file = effective["PULUMI_CONFIG_PASSPHRASE_FILE"];
  const remedy =
    "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the one that the stack was made with.";
  let given: string | undefined;
  try {
    given =
      effective["PULUMI_CONFIG_PASSPHRASE"] ?? (file === undefined ? undefined : readFileSync(file, "utf8").trim());
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    return problem("passphrase", `PULUMI_CONFIG_PASSPHRASE_FILE=${file} cannot be read (${why})`, remedy);
  }
  if (given === undefined)
    return problem("passphrase", `the stack ${name} needs a passphrase, and none is set`, remedy);
  return isOfPassphrase(salt, given)
    ? ok("passphrase", `the passphrase is that of the stack ${name}`)
    : problem("passphrase", `the passphrase is not that of the stack ${name}`, remedy);
}

function isOwn(env: NodeJS.ProcessEnv, name: string, project: string): boolean {
  return Object.keys(ownBackend(env, undefined, project, name)).length > 0;
}

/** The sentences about a stack whose outputs could not be had. */
export function stackProblem(name: string, error: unknown): Told {
  const code = codeOf(error);
  const output = (error as { output?: unknown }).output;
  const text = typeof output === "string" && output !== "" ? output : messageOf(error);
  const [seen = ""] = text.replace(/^[\s\S]*?error: /, "").split("\n");
  if (code === "CLOISTER_E_NO_STACK") {
    return problem(
      "no-stack",
      seen,
      name === "local" ? "Make it: npm start." : "Name another one with --stack; docs/aws.md says how one is made.",
    );
  }
  if (code === "CLOISTER_E_STACK_DOWN") {
    return problem("stack-down", seen, `Bring it up: npm run -s pulumi -- up --stack ${name}`);
  }
  for (const { cause, is, remedy } of CAUSES) if (is.test(text)) return problem(cause, seen, remedy);
  return problem("stack", seen, `Look at it: npm run -s pulumi -- stack --stack ${name}`);
}

/** Pulumi's words, by cause. */
const CAUSES: readonly { readonly cause: string; readonly is: RegExp; readonly remedy: string }[] = [
  {
    cause: "passphrase",
    is: /incorrect passphrase|passphrase must be set/,
    remedy: "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the one that the stack was made with.",
  },
  {
    cause: "backend-login",
    is: /PULUMI_ACCESS_TOKEN must be set|not logged in|invalid access token|\[401\]|Unauthorized/i,
    remedy: "Log in (npm run -s pulumi -- login ADDRESS), or set PULUMI_BACKEND_URL to where the stack is.",
  },
  {
    cause: "backend-rights",
    is: /get credentials|NoCredentialProviders|ExpiredToken|AccessDenied|StatusCode: 403/,
    remedy: "Sign in to the account of the bucket (aws sso login, with AWS_PROFILE set).",
  },
  {
    cause: "backend",
    is: /unable to open bucket|NoSuchBucket|no such host|connection refused|i\/o timeout|performing HTTP request|x509:/,
    remedy: "Correct PULUMI_BACKEND_URL, or mend the way to it; a folder of a file backend must be there.",
  },
];
