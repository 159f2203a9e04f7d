import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import {
  resolveParentProxy,
  selectParentProxyUrl,
  shouldBypassParentProxy,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import { defined } from "./defined.ts";

/** Variables that name a proxy. Some programs read only the one case of them, some only the other. */
const NAMES = ["http_proxy", "https_proxy", "no_proxy"] as const;

/** A variable names a proxy that cannot be used. What it would have reached is not reached without it. */
export class ProxyAddressError extends Error {
  override readonly name = "ProxyAddressError";
}

/**
 * Reads a proxy's address as a variable has it, with or without `http://`.
 *
 * @param variable its name, for the message; the text itself may hold a password
 * @throws ProxyAddressError when it is none, or of a kind that is not spoken here
 */
export function proxyAddress(text: string, variable: string): URL {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text.trim()) ? text.trim() : `http://${text.trim()}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const write = "write http://HOST:PORT, or unset it";
  if (!url?.hostname) throw new ProxyAddressError(`${variable} is no address of a proxy: ${write}`);
  if (!/^https?:$/.test(url.protocol))
    throw new ProxyAddressError(
      `${variable} names a proxy of the kind ${url.protocol.slice(0, -1)}, and only http and https are spoken here: ${write}`,
    );
  return url;
}

/**
 * The proxy of this computer for an address, or nothing where it is reached directly (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
 *
 * @throws ProxyAddressError when the variable names none that can be used
 */
export function proxyFor(url: string, env: NodeJS.ProcessEnv = process.env): URL | undefined {
  const both = proxyEnvironment(env);
  const proxies = resolveParentProxy({
    ...(both["http_proxy"] ? { http: both["http_proxy"] } : {}),
    ...(both["https_proxy"] ? { https: both["https_proxy"] } : {}),
    ...(both["no_proxy"] ? { noProxy: both["no_proxy"] } : {}),
  });
  const { hostname, protocol } = new URL(url);
  if (!both["http_proxy"] && !both["https_proxy"]) return undefined;
  const name = protocol === "https:" ? "https_proxy" : "http_proxy";
  const exceptions = resolveParentProxy({ http: "http://any", ...defined({ noProxy: both["no_proxy"] }) });
  if (exceptions && shouldBypassParentProxy(exceptions, hostname)) return undefined;
  // The library takes no notice of an address that it cannot use: the proxy would be gone round.
  if (both[name]) proxyAddress(both[name], name.toUpperCase());
  if (!proxies || shouldBypassParentProxy(proxies, hostname)) return undefined;
  return selectParentProxyUrl(proxies, { isHttps: protocol === "https:" });
}

/**
 * For a program that this computer's proxy and certificates are meant for: its variables in both cases (apt reads the lower
 * one, others the upper), and Node's own name for certificates.
 */
export function proxyEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of NAMES) {
    const upper = name.toUpperCase();
    const value = env[name] || env[upper];
    if (value) Object.assign(found, { [name]: value, [upper]: value });
  }
  const bundle = env["SSL_CERT_FILE"];
  if (bundle && !env["NODE_EXTRA_CA_CERTS"]) found["NODE_EXTRA_CA_CERTS"] = bundle;
  return found;
}

/**
 * `fetch` as this computer is connected: through its proxy, and with the certificate authorities of SSL_CERT_FILE, which Node
 * itself does not read (NODE_EXTRA_CA_CERTS it does).
 *
 * @throws an Error when SSL_CERT_FILE cannot be read
 * @throws ProxyAddressError when a proxy's address is none
 */
export async function fetchHere(
  url: string,
  init: RequestInit = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<Response> {
  const proxy = proxyFor(url, env);
  const bundle = env["SSL_CERT_FILE"];
  if (!proxy && (!bundle || bundle === env["NODE_EXTRA_CA_CERTS"])) return await fetch(url, init);
  const { Agent, fetch: fetchBy, ProxyAgent } = await import("undici");
  const tls = bundle ? { ca: [...rootCertificates, readFileSync(bundle, "utf8")] } : {};
  const dispatcher = proxy
    ? new ProxyAgent({
        uri: proxy.href,
        requestTls: tls,
        proxyTls: tls,
        // Many a proxy lets only HTTPS through a tunnel.
        proxyTunnel: url.startsWith("https:"),
        ...credentialsOf(proxy),
      })
    : new Agent({ connect: tls });
  // Of the same make as the dispatcher; Node's own may be of another version.
  return (await fetchBy(url, { ...init, dispatcher } as never)) as unknown as Response;
}

/** What a proxy is given for the name and password in its address. */
export function credentialsOf({ username, password }: URL): { token?: string } {
  if (username === "") return {};
  const pair = `${decoded(username)}:${decoded(password)}`;
  return { token: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** A password with a % of its own is taken as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
