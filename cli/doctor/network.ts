import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList, connect, isIP } from "node:net";
import { fetchHere, proxyAddress, proxyEnvironment, proxyFor } from "../../lib/proxy.ts";
import { type Finding, type Look, note, ok, problem } from "./finding.ts";
import type { Here } from "./here.ts";

/** The way of this computer to the outside: proxies, names, certificates. */
export function networkLooks(here: Here): Readonly<Record<string, Look>> {
  return {
    proxy: async () => await proxyLook(here),
    dns: async () => await dnsLook(here),
    authorities: async () => authoritiesLook(here),
    certificates: async () => await certificatesLook(here),
  };
}

/** Each proxy that the variables name must be an address, and answer. */
async function proxyLook({ env, patienceMs }: Here): Promise<readonly Omit<Finding, "about">[]> {
  const both = proxyEnvironment(env);
  const named = new Map<string, string>();
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) if (both[name] !== undefined) named.set(both[name], name);
  if (named.size === 0) return [ok("proxy", "no variable names a proxy")];
  return await Promise.all(
    [...named].map(async ([text, name]) => {
      const remedy = "Correct or unset HTTPS_PROXY and HTTP_PROXY (in both cases), or start the proxy.";
      let url: URL;
      try {
        url = proxyAddress(text, name);
      } catch (error) {
        return problem("proxy-address", (error as Error).message, remedy);
      }
      const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
      const why = await whyNoConnection(url.hostname.replace(/^\[|\]$/g, ""), port, patienceMs);
      return why === undefined
        ? ok("proxy", `the proxy ${url.hostname}:${port} answers`)
        : problem("proxy", `the proxy ${url.hostname}:${port} cannot be reached (${why})`, remedy);
    }),
  );
}

async function whyNoConnection(host: string, port: number, patienceMs: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (why?: string) => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(patienceMs, () => end("no answer"));
    socket.once("connect", () => end());
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** Ranges of which no public host has an address: who answers with one answers for others. */
const MADE_UP = [
  { range: ["198.18.0.0", 15], who: "a VPN client or a proxy with addresses of its own (fake IP)" },
  { range: ["100.64.0.0", 10], who: "a VPN client with addresses of its own, or a carrier's network" },
] as const;

async function dnsLook({ publicUrl, lookup, env }: Here): Promise<Omit<Finding, "about">> {
  const { hostname } = new URL(publicUrl);
  let addresses: readonly string[];
  try {
    addresses = await lookup(hostname);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    return proxyFor(publicUrl, env)
      ? ok("dns", `${hostname} is not looked up here (${why}); the proxy does it`)
      : note(
          "dns-fails",
          `${hostname} cannot be looked up (${why})`,
          "Mend the resolver, or name the proxy of this network in HTTPS_PROXY. On a closed network nothing is wrong.",
        );
  }
  for (const { range, who } of MADE_UP) {
    const list = new BlockList();
    list.addSubnet(range[0], range[1], "ipv4");
    const address = addresses.find((one) => isIP(one) === 4 && list.check(one, "ipv4"));
    if (address === undefined) continue;
    return problem(
      "dns-made-up",
      `DNS says that ${hostname} is ${address}, of ${range.join("/")}: ${who} answers`,
      "Sessions may not reach such addresses, so all is denied to them. Switch fake IP off in the client, or take this computer's machine out of it (docs/computers.md).",
    );
  }
  return ok("dns", `${hostname} is ${addresses[0] ?? "nothing"}`);
}

/** Certificates that the user added: the file must be there, hold some, and none may have expired. */
function authoritiesLook({ env }: Here): readonly Omit<Finding, "about">[] {
  const files = (["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] as const).flatMap((name) =>
    env[name] ? [{ name, file: env[name] }] : [],
  );
  return files.map(({ name, file }) => {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      return problem("authority-file", `${name}=${file} cannot be read (${why})`, `Correct or unset ${name}.`);
    }
    const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
    const read = found.map(certificate);
    if (read.length === 0 || read.includes(undefined)) {
      return problem(
        "authority-file",
        `${name}=${file} holds ${read.length === 0 ? "no certificate" : "a certificate that cannot be read"}`,
        `Name a file of certificates in PEM (-----BEGIN CERTIFICATE-----), or unset ${name}.`,
      );
    }
    const old = read.filter((one) => one !== undefined && Date.parse(one.validTo) < Date.now());
    // A bundle of all authorities always holds some old ones.
    if (old.length > 0 && read.length <= OWN_AUTHORITIES) {
      return problem(
        "authority-expired",
        `${name}=${file}: a certificate expired at ${old[0]?.validTo ?? ""} (${(old[0]?.subject ?? "").split("\n").join(", ")})`,
        "Get the authority's new certificate from whoever runs your network.",
      );
    }
    return ok("authorities", `${name} adds ${read.length} certificate${read.length === 1 ? "" : "s"}`);
  });
}

/** A file with at most this many certificates holds a network's own authorities, not all that are known. */
const OWN_AUTHORITIES = 20;

function certificate(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

/** OpenSSL's words for a certificate by an authority that this computer does not know. */
const UNKNOWN_AUTHORITY =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/;
const NOT_NOW = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/;

/** Asks a public host over TLS: who stands between shows another certificate. */
async function certificatesLook({ publicUrl, env, patienceMs }: Here): Promise<Omit<Finding, "about">> {
  const { host } = new URL(publicUrl);
  try {
    await fetchHere(publicUrl, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(patienceMs) }, env);
    return ok("certificates", `${host} answers, with a certificate that is trusted`);
  } catch (error) {
    const code = codeIn(error);
    if (UNKNOWN_AUTHORITY.test(code)) {
      return problem(
        "private-authority",
        `${host} shows a certificate by an authority that is not known here (${code}): somebody between looks into TLS`,
        "Get the authority's certificate from whoever runs your network, and set NODE_EXTRA_CA_CERTS=/path/to/it.pem (docs/computers.md).",
      );
    }
    if (NOT_NOW.test(code)) {
      return problem(
        "clock-here",
        `${host} shows a certificate that is not valid at this computer's time, ${new Date().toISOString()} (${code})`,
        "Set this computer's clock (Linux: sudo timedatectl set-ntp true).",
      );
    }
    return note(
      "outside",
      `${host} cannot be reached (${code})`,
      "Downloads are not possible. What the cache holds is used; on a closed network Pulumi is built from Go modules (docs/toolchain.md).",
    );
  }
}

/** The system's or OpenSSL's code, which fetch hides in the error's cause. */
function codeIn(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code, name } = one as NodeJS.ErrnoException;
    if (typeof code === "string") return code;
    if (name === "TimeoutError") return "no answer in time";
  }
  return "no answer";
}
