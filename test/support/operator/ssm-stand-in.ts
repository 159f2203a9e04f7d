// Stands in for SSM's API in tests of the operator's command, on loopback, for the calls that moto lacks. It differs: any
// credentials do; a session's token holds its command, which the stand-in of the plugin runs.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A call as it came. */
export interface SsmCall {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An SSM that runs. */
export interface SsmStandIn {
  readonly endpoint: string;
  readonly calls: SsmCall[];
  /** Instances whose agent is connected. */
  readonly online: Set<string>;
  /** True: every call is refused. */
  denies: boolean;
  stop(): Promise<void>;
}

/** SSM's page of DescribeInstanceInformation is fifty at most; smaller here, so that there are several. */
const PAGE = 2;

const DENIED = { status: 400, body: { __type: "AccessDeniedException", message: "You may not." } };

/** @param streamUrl where sessions are carried; the stand-in of the plugin asks nobody */
export async function startSsm(streamUrl = "wss://nowhere.example"): Promise<SsmStandIn> {
  const calls: SsmCall[] = [];
  const online = new Set<string>();
  const server = createServer((request, response) => {
    void read(request).then((input) => {
      const operation = String(request.headers["x-amz-target"]).replace("AmazonSSM.", "");
      calls.push({ operation, input });
      const { status, body } = ssm.denies ? DENIED : answer(operation, input, online, streamUrl);
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const ssm: SsmStandIn = {
    denies: false,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    online,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return ssm;
}

function answer(
  operation: string,
  input: SsmCall["input"],
  online: ReadonlySet<string>,
  streamUrl: string,
): { status: number; body: object } {
  if (operation === "StartSession") {
    const target = String(input["Target"]);
    if (!online.has(target))
      return { status: 400, body: { __type: "TargetNotConnected", message: `${target} is not connected.` } };
    const [command = ""] = (input["Parameters"] as { command?: string[] } | undefined)?.command ?? [];
    const SessionId = `operator-${target.slice(-4)}`;
    return {
      status: 200,
      body: { SessionId, StreamUrl: streamUrl, TokenValue: Buffer.from(command).toString("hex") },
    };
  }
  if (operation === "TerminateSession") return { status: 200, body: { SessionId: input["SessionId"] } };
  if (operation === "DescribeInstanceInformation") {
    const from = Number(input["NextToken"] ?? 0);
    const page = [...online].sort().slice(from, from + PAGE);
    const more = from + PAGE < online.size ? { NextToken: String(from + PAGE) } : {};
    const InstanceInformationList = page.map((InstanceId) => ({ InstanceId, PingStatus: "Online" }));
    return { status: 200, body: { InstanceInformationList, ...more } };
  }
  return { status: 400, body: { __type: "UnknownOperationException", message: operation } };
}

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString() || "{}") as Record<string, unknown>;
}
