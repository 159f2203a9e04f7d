import http from "node:http";
import https from "node:https";
import { TLSSocket } from "node:tls";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";
import { credentialsOf, proxyAddress, proxyFor } from "./proxy.ts";

/**
 * A tunnel through a proxy. The library hands on the proxy's own words where that makes no tunnel, and who asked takes them for
 * the server's: the proxy, or whoever is on the way to it, could answer in AWS's place.
 */
class Tunnel extends HttpsProxyAgent<string> {
  readonly #proxy: string;

  constructor(proxy: URL) {
    const { token } = credentialsOf(proxy);
    const bare = new URL(proxy);
    bare.username = "";
    bare.password = "";
    super(bare.href, token === undefined ? {} : { headers: { "Proxy-Authorization": token } });
    this.#proxy = bare.host;
  }

  override async connect(request: http.ClientRequest, options: AgentConnectOpts): Promise<TLSSocket> {
    let status = 0;
    request.once("proxyConnect", (answer: { readonly statusCode: number }) => {
      status = answer.statusCode;
    });
    const socket = await super.connect(request, options);
    if (socket instanceof TLSSocket) return socket;
    socket.destroy();
    throw new Error(
      `the proxy ${this.#proxy} (HTTPS_PROXY) made no tunnel to ${options.host}: it answered with ${status}. Allow the host there, or name it in NO_PROXY`,
    );
  }
}

/** Connects to each host as this computer does: through its proxy, or directly where NO_PROXY has it. */
class HereAgent extends Agent {
  readonly #env: NodeJS.ProcessEnv;
  readonly #tunnels = new Map<string, Tunnel>();

  constructor(env: NodeJS.ProcessEnv) {
    super({ keepAlive: true, maxSockets: 50 });
    this.#env = env;
  }

  override connect(_request: http.ClientRequest, options: AgentConnectOpts) {
    if (!options.secureEndpoint) return http.globalAgent;
    const proxy = proxyFor(`https://${options.host}:${options.port}`, this.#env);
    if (!proxy) return https.globalAgent;
    const tunnel = this.#tunnels.get(proxy.href) ?? new Tunnel(proxy);
    this.#tunnels.set(proxy.href, tunnel);
    return tunnel;
  }
}

/** Options of the SDK's own handler of requests. */
export interface AwsHandler {
  readonly httpsAgent: https.Agent;
}

/**
 * Settings of AWS's SDK with which it goes through this computer's proxy: it reads no variables for that itself. Empty where
 * HTTPS_PROXY is not set.
 *
 * @throws ProxyAddressError when that names no proxy that can be used
 */
export function awsConnection(env: NodeJS.ProcessEnv = process.env): { readonly requestHandler?: AwsHandler } {
  const text = env["https_proxy"] || env["HTTPS_PROXY"];
  if (!text) return {};
  proxyAddress(text, "HTTPS_PROXY");
  return { requestHandler: { httpsAgent: new HereAgent(env) as unknown as https.Agent } };
}
