import { SSMClient, StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import type { Channel } from "../remote-helper/channel.ts";
import { handOver, processChannel } from "../remote-helper/process-channel.ts";
import { RemoteHelperTransport } from "../remote-helper/transport.ts";
import type { Transport } from "../transport.ts";
import { clientSettings } from "./clients.ts";
import { asked } from "./errors.ts";
import { type OpenedSession, PLUGIN, pluginCall, pluginVersion } from "./plugin.ts";

/**
 * The document of every session. SSM has several ways to run a command: only this one can carry input and output while
 * the command runs. It lacks an exit code, bytes that are no text, and two outputs: the remote helper adds them
 * (`cli/remote-helper`).
 *
 * - `AWS-StartNonInteractiveCommand`: the agent waits for the command to end before it sends its output, and gives it
 *   no input (amazon-ssm-agent, `agent/session/shell/shell.go`, `executeCommandsWithExec`).
 * - `SendCommand`: no input, and 24,000 characters of output at most (SSM API, `GetCommandInvocation`).
 * - `AWS-StartSSHSession`: needs an ssh server and a key on every machine. EC2 Instance Connect, which would lend keys,
 *   reads them from the metadata service as a user of its own, whom machines do not let through
 *   (`guest/boot/wall.nft`).
 * - `SSM-SessionManagerRunShell`: starts a shell, and we would have to tell its prompts from output. An account may
 *   also have changed this document.
 */
const DOCUMENT = "AWS-StartInteractiveCommand";

/** The operator's shell: the same user as on every other target. */
const SHELL = "exec sudo -n -i -u operator";

/** The way to an instance: SSM's sessions, opened by AWS's SDK and carried by AWS's plugin. */
export function ssmTransport(machine: string, instance: string, region: string): Transport {
  const client = new SSMClient(clientSettings(region));
  const start = async (command: string, reason: string) => {
    // This comes before the session is opened: a session that nobody takes up would wait for its time-out.
    const version = await pluginVersion();
    const session = await openSession(client, { instance, region, command, reason });
    return { session, ...pluginCall(session, version) };
  };
  return new RemoteHelperTransport(machine, {
    open: async (commandLine): Promise<Channel> => {
      const { session, args, env } = await start(commandLine, "cloister: one command");
      return await processChannel(PLUGIN, args, { env, onClose: () => endSession(client, session) });
    },
    shell: async () => {
      const { args, env } = await start(SHELL, "cloister: shell");
      return await handOver(PLUGIN, args, env);
    },
  });
}

async function openSession(
  client: SSMClient,
  wish: { readonly instance: string; readonly region: string; readonly command: string; readonly reason: string },
): Promise<OpenedSession> {
  const request = { Target: wish.instance, DocumentName: DOCUMENT };
  const { SessionId, StreamUrl, TokenValue } = await asked(`no session with ${wish.instance}`, () =>
    client.send(new StartSessionCommand({ ...request, Parameters: { command: [wish.command] }, Reason: wish.reason })),
  );
  if (!SessionId || !StreamUrl || !TokenValue) throw new Error("SSM's answer to StartSession is not complete");
  return {
    region: wish.region,
    endpoint: await endpointOf(client, wish.region),
    request,
    response: { SessionId, StreamUrl, TokenValue },
  };
}

/** Ends a session if it still runs. After a command of ours it has already ended by itself. */
function endSession(client: SSMClient, { response }: OpenedSession): void {
  client.send(new TerminateSessionCommand({ SessionId: response.SessionId })).catch(() => {});
}

/** The endpoint that was configured (`AWS_ENDPOINT_URL_SSM` and the like), or the region's. */
async function endpointOf({ config }: SSMClient, region: string): Promise<string> {
  const own = await config.endpoint?.();
  if (own)
    return `${own.protocol}//${own.hostname}${own.port ? `:${own.port}` : ""}${own.path === "/" ? "" : own.path}`;
  return config.endpointProvider({ Region: region }).url.href.replace(/\/$/, "");
}
