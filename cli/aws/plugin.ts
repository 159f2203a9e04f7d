import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { OperatorError } from "../errors.ts";

/** AWS's own client of SSM's sessions. Found on PATH. */
export const PLUGIN = "session-manager-plugin";

/** A session as the API opened it, and the request for it. */
export interface OpenedSession {
  readonly region: string;
  /** Address of the API. The plugin resumes and ends sessions there. */
  readonly endpoint: string;
  readonly request: { readonly Target: string; readonly DocumentName: string };
  readonly response: { readonly SessionId: string; readonly StreamUrl: string; readonly TokenValue: string };
}

/** The arguments and the environment to start the plugin with; {@link pluginCall} makes them. */
export interface PluginCall {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Names the variable that holds the response, as AWS's CLI does. */
const RESPONSE = "AWS_SSM_START_SESSION_RESPONSE";

/**
 * Since this version the plugin takes the response by the environment (aws-cli,
 * `awscli/customizations/sessionmanager.py`).
 */
const BY_ENVIRONMENT = [1, 2, 497, 0];

/**
 * Makes the call of the plugin as AWS's CLI does it, with the arguments in the order of `ValidateInputAndStartSession`
 * (aws/session-manager-plugin, `src/sessionmanagerplugin/session/session.go`). The token of the session is in the
 * environment and not among the arguments, which every user of this computer can read.
 *
 * @param version the output of `session-manager-plugin --version`
 */
export function pluginCall(session: OpenedSession, version: string, env: NodeJS.ProcessEnv = process.env): PluginCall {
  const response = JSON.stringify(session.response);
  const byEnvironment = atLeast(version, BY_ENVIRONMENT);
  return {
    args: [
      byEnvironment ? RESPONSE : response,
      session.region,
      "StartSession",
      env["AWS_PROFILE"] ?? "",
      JSON.stringify(session.request),
      session.endpoint,
    ],
    env: byEnvironment ? { ...env, [RESPONSE]: response } : env,
  };
}

/**
 * Asks the plugin for its version.
 *
 * @throws OperatorError when it is not installed, with what to do on this platform
 */
export async function pluginVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(PLUGIN, ["--version"]);
    return stdout.trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new OperatorError(missingPlugin(process.platform, process.arch), { code: "CLOISTER_E_PROGRAM_MISSING" });
  }
}

const DOWNLOADS = "https://s3.amazonaws.com/session-manager-downloads/plugin/latest";

/**
 * Tells how to install the plugin, as AWS documents it (Systems Manager User Guide, "Install the Session Manager
 * plugin").
 */
export function missingPlugin(platform: NodeJS.Platform, arch: string): string {
  const cpu = arch === "arm64" ? "arm64" : "64bit";
  const ways: Partial<Record<NodeJS.Platform, string[]>> = {
    darwin: ["brew install --cask session-manager-plugin"],
    linux: [
      `Debian, Ubuntu:  curl -fsSLO ${DOWNLOADS}/ubuntu_${cpu}/${PLUGIN}.deb && sudo dpkg -i ${PLUGIN}.deb`,
      `RHEL, Fedora:    sudo dnf install -y ${DOWNLOADS}/linux_${cpu}/${PLUGIN}.rpm`,
    ],
    win32: [`${DOWNLOADS}/windows/SessionManagerPluginSetup.exe`],
  };
  return [
    `machines on AWS are reached by SSM, which needs AWS's ${PLUGIN} on PATH. Install it:`,
    ...(ways[platform] ?? []).map((line) => `  ${line}`),
    "  all systems: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
  ].join("\n");
}

function atLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, part] of wanted.entries()) {
    const mine = parts[i] ?? 0;
    if (mine !== part) return mine > part;
  }
  return true;
}
