import { RUN_FILES } from "../../../contract/run-files.ts";
import { sessionPaths } from "../../sessions/state.ts";
import { ALLOWED_URL, NEIGHBOUR_PORT } from "./session-scripts.ts";

/** Names that never exist (RFC 6761): nothing leaves the machine for them. */
export const ALLOWED_HOST = "allowed.cloister.invalid";
const DENIED_HOST = "denied.cloister.invalid";

export const ALLOWED_TARGET = `${ALLOWED_HOST}:443`;
const DENIED_URLS = [`http://${DENIED_HOST}/`, `https://${DENIED_HOST}/`];
const DENIED_TARGET = `${DENIED_HOST}:443`;
const FORBIDDEN_URLS = [
  "http://169.254.169.254/latest/meta-data/",
  "http://127.0.0.1:22/",
  "http://localhost:22/",
  "http://10.0.2.2/",
  "http://172.16.0.1/",
  "http://192.168.0.1/",
  "http://[::1]:22/",
  "http://[fd00:ec2::254]/latest/meta-data/",
];
const FORBIDDEN_DIRECT = ["tcp:169.254.169.254:80", "tcp:10.0.2.2:22", "tcp:192.168.0.1:80", "udp:10.0.2.3:53"];

/** The neighbour's own service, which the other session tries to reach. */
export const NEIGHBOUR_TARGET = `tcp:127.0.0.1:${NEIGHBOUR_PORT}`;

/** The URLs and targets that the session tries, as the judge of egress takes them. */
export const egressAttempts = (openTarget: string) => ({
  allowedUrl: ALLOWED_URL,
  allowedTarget: ALLOWED_TARGET,
  deniedUrls: DENIED_URLS,
  deniedTarget: DENIED_TARGET,
  forbiddenUrls: FORBIDDEN_URLS,
  forbiddenTargets: [openTarget, ...FORBIDDEN_DIRECT],
});

/**
 * Returns all checks for the probe inside the session that is looked at. One process runs them all.
 *
 * @param outside.openTarget a service that everybody outside may connect to
 * @param outside.unixSocket a socket that everybody outside may connect to
 * @param outside.dnsName a name that the resolver outside answers
 */
export function insideChecks(
  neighbour: string,
  outside: { readonly openTarget: string; readonly unixSocket: string; readonly dnsName: string },
): string[] {
  return [
    ...["status", "namespaces", "processes", "identity", "environment", "routes", "shm"],
    `dns=${outside.dnsName}`,
    `unix=${outside.unixSocket}`,
    ...[ALLOWED_URL, ...DENIED_URLS, ...FORBIDDEN_URLS].map((url) => `http=${url}`),
    ...[ALLOWED_TARGET, DENIED_TARGET].map((target) => `socks=${target}`),
    ...[outside.openTarget, ...FORBIDDEN_DIRECT, NEIGHBOUR_TARGET].map((target) => `connect=${target}`),
    ...neighbourPaths(neighbour).map((path) => `file=${path}`),
    "file=mnt/ro/given",
    ...["ro", "rw", "rwd"].flatMap((mode) => [`write=mnt/${mode}/made`, `remove=mnt/${mode}/given`]),
  ];
}

/** The neighbour's files, which the other session must not see. */
export function neighbourPaths(neighbour: string): string[] {
  const { home } = sessionPaths(neighbour);
  return [home, `${home}/kept`, "/tmp/kept", "/dev/shm/kept", RUN_FILES.sessions];
}
