import { HTTP_PORT, SOCKS_PORT } from "./paths.ts";

export interface EnvironmentSpec {
  /** Name of the session and of its Unix user. */
  readonly session: string;
  readonly home: string;
  /** The proxies' token. */
  readonly token: string;
  /** Folders before the system's on PATH. */
  readonly path?: readonly string[];
  /** The caller's terminal type, if the command gets a terminal. */
  readonly term?: string;
  /** Added last, except that the proxies' variables stay as they are. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** The folders of the system's programs. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The user name that sandbox-runtime's SOCKS server asks for (its `PROXY_AUTH_USER`). */
export const PROXY_USER = "srt";

/**
 * Returns a session's whole environment: nothing is inherited from the machine.
 *
 * The proxies are named as in the reference: HTTP and HTTPS by port 3128, FTP, gRPC and everything else by SOCKS on
 * port 1080. Only names of the loopback interface bypass them: everything else could not be reached directly.
 */
export function sessionEnvironment(spec: EnvironmentSpec): Record<string, string> {
  return {
    HOME: spec.home,
    USER: spec.session,
    LOGNAME: spec.session,
    SHELL: "/bin/bash",
    PATH: [...(spec.path ?? []), SYSTEM_PATH].join(":"),
    LANG: "C.UTF-8",
    TMPDIR: "/tmp",
    IS_SANDBOX: "yes",
    PYTHONUNBUFFERED: "1",
    ...(spec.term === undefined ? {} : { TERM: spec.term }),
    ...spec.extra,
    ...proxyEnvironment(spec.token),
  };
}

/** The variables that lead programs to the session's proxies. */
export function proxyEnvironment(token: string): Record<string, string> {
  const http = `http://${PROXY_USER}:${token}@localhost:${HTTP_PORT}`;
  const socks = `socks5h://${PROXY_USER}:${token}@localhost:${SOCKS_PORT}`;
  const both = (name: string, value: string) => ({ [name]: value, [name.toLowerCase()]: value });
  return {
    SANDBOX_RUNTIME: "1",
    ...both("HTTP_PROXY", http),
    ...both("HTTPS_PROXY", http),
    ...both("ALL_PROXY", socks),
    ...both("FTP_PROXY", socks),
    ...both("GRPC_PROXY", socks),
    ...both("NO_PROXY", "localhost,127.0.0.1,::1"),
    RSYNC_PROXY: `localhost:${SOCKS_PORT}`,
    // Node's own fetch and http look at the variables above only when told to (Node 22.21, 24).
    NODE_USE_ENV_PROXY: "1",
    // Git sends the token at once instead of asking a credential helper for it.
    GIT_CONFIG_PARAMETERS: "'http.proxyAuthMethod=basic'",
    GIT_SSH_COMMAND:
      "ssh -o StrictHostKeyChecking=accept-new -o " +
      `'ProxyCommand=socat - PROXY:localhost:%h:%p,proxyport=${HTTP_PORT},proxyauth=${PROXY_USER}:${token}'`,
  };
}
