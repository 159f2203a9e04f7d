import http from "node:http";
import https from "node:https";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";
import { proxyAddress, proxyFor } from "./proxy.ts";

/** Connects to each host as this computer does: through its proxy, or directly where NO_PROXY has it. */
class HereAgent extends Agent {
  readonly #env: NodeJS.ProcessEnv;
  readonly #tunnels = new Map<string, HttpsProxyAgent<string>>();

  constructor(env: NodeJS.ProcessEnv) {
    super({ keepAlive: true, maxSockets: 50 });
    this.#env = env;
  }

  override connect(_request: http.ClientRequest, options: AgentConnectOpts) {
    if (!options.secureEndpoint) return http.globalAgent;
    const proxy = proxyFor(`https://${options.host}:${options.port}`, this.#env);
    if (!proxy) return https.globalAgent;
    const tunnel = this.#tunnels.get(proxy.href) ?? new HttpsProxyAgent(proxy.href);
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
