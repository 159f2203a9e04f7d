import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { OpenChannel } from "../../../cli/remote-helper/channel.ts";
import { runByRemoteHelper } from "../../../cli/remote-helper/near-end.ts";
import { processChannel } from "../../../cli/remote-helper/process-channel.ts";
import type { ExecOptions, Transport } from "../../../cli/transport.ts";

/** A folder of programs that stand in for sudo and SSM's plugin, first on the PATH. */
export async function standInPrograms(): Promise<{
  env: NodeJS.ProcessEnv;
  folder: string;
  remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-operator-"));
  const support = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  await copyFile(support("sudo-stand-in.sh"), join(folder, "sudo"));
  await copyFile(support("session-manager-plugin-stand-in.py"), join(folder, "session-manager-plugin"));
  const env = { ...process.env, PATH: [folder, process.env["PATH"]].join(delimiter) };
  return { env, folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Ways to a remote helper on this computer: by pipes, as with ssh, and by SSM's terminal. */
export function waysHere(env: () => NodeJS.ProcessEnv): Readonly<Record<"pipes" | "a terminal of SSM", OpenChannel>> {
  return {
    pipes: (commandLine) => processChannel("sh", ["-c", commandLine], { env: env() }),
    "a terminal of SSM": (commandLine) => {
      const response = { SessionId: "operator-0a1b", TokenValue: Buffer.from(commandLine).toString("hex") };
      const variable = "AWS_SSM_START_SESSION_RESPONSE";
      return processChannel(
        "session-manager-plugin",
        [variable, "eu-central-1", "StartSession", "", JSON.stringify({ Target: "i-0" }), "https://ssm.example"],
        { env: { ...env(), [variable]: JSON.stringify(response) } },
      );
    },
  };
}

/** Result of a command. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs a command by a remote helper on this computer, as the user of the test. */
export async function runHere(
  open: OpenChannel,
  command: readonly string[],
  stdin?: Buffer | Readable,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const both = Promise.all([collect(stdout), collect(stderr)]);
  const exitCode = await runByRemoteHelper(open, "here", command, {
    stdout,
    stderr,
    user: undefined,
    environment,
    ...(stdin === undefined ? {} : { stdin: Buffer.isBuffer(stdin) ? Readable.from([stdin]) : stdin }),
  }).finally(() => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await both;
  return { exitCode, stdout: out, stderr: err };
}

/** The same as a transport: whoever is asked for, the user of the test runs it. */
export function transportHere(open: OpenChannel): Transport {
  return {
    exec: (command, options: ExecOptions) => runByRemoteHelper(open, "here", command, { ...options, user: undefined }),
    shell: () => Promise.reject(new Error("no shell here")),
  };
}

/** Runs a command by a transport, with bytes in and out. */
export async function runBytes(transport: Transport, command: readonly string[], stdin: Buffer): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const both = Promise.all([collect(stdout), collect(stderr)]);
  const exitCode = await transport.exec(command, { stdin: Readable.from([stdin]), stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await both;
  return { exitCode, stdout: out, stderr: err };
}

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
