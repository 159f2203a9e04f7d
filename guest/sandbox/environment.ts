import { HTTP_PORT, RUNTIME_ROOT, runtimeFiles, SOCKS_PORT } from "./paths.ts";

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
  /** Added last: the operator may replace any variable. The wall does not depend on them. */
  readonly extra?: Readonly<Record<string, string>>;
  /** The folder where the session sees the runtime image. Default: {@link RUNTIME_ROOT}. */
  readonly runtime?: string;
}

/** The folders of the system's programs. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The user name that sandbox-runtime's SOCKS server asks for (its `PROXY_AUTH_USER`). */
export const PROXY_USER = "srt";

/** Returns a session's whole environment: nothing is inherited from the machine. */
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
    ...proxyEnvironment(spec.token, spec.runtime),
    ...spec.extra,
  };
}

/**
 * The variables that lead programs to the session's proxies. Only names of the loopback interface bypass them:
 * everything else could not be reached directly.
 *
 * The upper case has the reference's values (E2: SOCKS for gRPC and the rest). gRPC and Python's httpx read the lower
 * case first and do not know SOCKS, so `grpc_proxy` and `all_proxy` name the HTTP proxy
 * (docs/decisions/0012-proxy-variables.md). docs/programs.md says which program reads what.
 */
export function proxyEnvironment(token: string, runtime: string = RUNTIME_ROOT): Record<string, string> {
  const http = `http://${PROXY_USER}:${token}@localhost:${HTTP_PORT}`;
  const socks = `socks5h://${PROXY_USER}:${token}@localhost:${SOCKS_PORT}`;
  const { proxied, javaAgent } = runtimeFiles(runtime);
  const both = (name: string, value: string) => ({ [name]: value, [name.toLowerCase()]: value });
  return {
    SANDBOX_RUNTIME: "1",
    ...both("HTTP_PROXY", http),
    ...both("HTTPS_PROXY", http),
    // Python's aiohttp looks for the scheme of a URL.
    ...both("WS_PROXY", http),
    ...both("WSS_PROXY", http),
    // aria2 does not start with a SOCKS URL in the lower case. curl finds the upper one.
    FTP_PROXY: socks,
    ...both("NO_PROXY", "localhost,127.0.0.1,::1"),
    ALL_PROXY: socks,
    all_proxy: http,
    GRPC_PROXY: socks,
    grpc_proxy: http,
    // Yarn 2 and newer read no other.
    YARN_HTTP_PROXY: http,
    YARN_HTTPS_PROXY: http,
    // rsync asks an HTTP proxy for a tunnel; this is neither a URL nor SOCKS.
    RSYNC_PROXY: `${PROXY_USER}:${token}@localhost:${HTTP_PORT}`,
    // Node's own fetch and http look at the variables above only when told to (Node 22.21, 24).
    NODE_USE_ENV_PROXY: "1",
    // Node 22 says with each process that this is experimental. Other warnings stay. Node knows the option from 20.11 on.
    NODE_OPTIONS: "--disable-warning=UNDICI-EHPA",
    // Java reads no such variables. This agent makes properties and an authenticator of them.
    JAVA_TOOL_OPTIONS: `-javaagent:${javaAgent}`,
    // Git sends the token at once instead of asking a credential helper for it.
    GIT_CONFIG_PARAMETERS: "'http.proxyAuthMethod=basic'",
    // One connection for several commands would take a UNIX socket. Both options are needed against a user's own
    // configuration, which may name a socket.
    GIT_SSH_COMMAND:
      "ssh -o StrictHostKeyChecking=accept-new -o ControlMaster=no -o ControlPath=none -o " +
      `'ProxyCommand=${proxied} connect %h %p'`,
  };
}
