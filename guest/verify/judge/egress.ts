import { portOf, REFERENCE, type Reference } from "../../../contract/reference.ts";
import type { ProbeReport } from "../probe-report.ts";
import { type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** A row of the audit log. */
export interface AuditRow {
  readonly session: string;
  readonly host: string;
  readonly port: number;
  readonly via: string;
  readonly verdict: string;
  readonly reason: string;
}

/** The results of requests from inside a session, and of the same requests from places where they are allowed. */
export interface EgressFacts {
  readonly session: string;
  readonly inside: ProbeReport;
  /** Control: an ordinary user of the machine. */
  readonly outside: ProbeReport;
  /**
   * The probe as a session's Unix user, outside its namespaces: the second wall must stop it. Absent: there is no such
   * wall here.
   */
  readonly escaped?: ProbeReport;
  /** Rows found in the machine's journal for this session. */
  readonly audit: readonly AuditRow[];
  /** URL that the session may reach by HTTP: the model's relay. */
  readonly allowedUrl: string;
  /** Host and port that the policy allows and that do not exist: the proxy tries, and fails later. */
  readonly allowedTarget: string;
  readonly deniedUrls: readonly string[];
  readonly deniedTarget: string;
  /** URLs of the metadata service, the machine's loopback, link-local and private ranges. */
  readonly forbiddenUrls: readonly string[];
  /**
   * Targets of the same kind for direct connections, as the probe writes them. The first is a port that is open on the
   * machine.
   */
  readonly forbiddenTargets: readonly string[];
}

/** SOCKS5's reply for a destination that the rules do not allow (RFC 1928, section 6). */
const NOT_ALLOWED = 2;

export function judgeEgress(facts: EgressFacts, promised: Reference = REFERENCE): Verdicts {
  return {
    E1: httpProxy(facts, promised.E1),
    E2: socksProxy(facts, promised.E2),
    E3: denial(facts, promised.E3),
    E4: forbidden(facts, promised.E4),
  };
}

function httpProxy({ inside, allowedUrl }: EgressFacts, { proxy }: Reference["E1"]): Verdict {
  const port = portOf({ proxy });
  const environment = inside.environment ?? {};
  const bridge = bridgeOn(inside, port);
  const answer = inside.http?.find(({ url }) => url === allowedUrl);
  return verdict(
    `HTTP_PROXY ${place(environment["HTTP_PROXY"])}, ${bridge ?? "no bridge"}, an allowed request gets ${answer?.status ?? answer?.error ?? "nothing"}`,
    [
      place(environment["HTTP_PROXY"]) !== proxy && `HTTP_PROXY is not ${proxy}`,
      place(environment["HTTPS_PROXY"]) !== proxy && `HTTPS_PROXY is not ${proxy}`,
      bridge === undefined && `no socat leads from port ${port} to a UNIX socket`,
      answer?.status !== 200 && `an allowed request fails: ${answer?.error ?? answer?.status}`,
    ],
  );
}

function socksProxy({ inside, allowedTarget, deniedTarget }: EgressFacts, { proxy }: Reference["E2"]): Verdict {
  const port = portOf({ proxy });
  const environment = inside.environment ?? {};
  const bridge = bridgeOn(inside, port);
  const reply = (wanted: string) => inside.socks?.find(({ target }) => target === wanted)?.reply;
  const names = ["ALL_PROXY", "FTP_PROXY", "GRPC_PROXY"];
  const wrong = names.filter((name) => !isSocks(environment[name] ?? "", proxy));
  return verdict(
    `ALL_PROXY ${place(environment["ALL_PROXY"])}, ${bridge ?? "no bridge"}, replies: ${reply(allowedTarget)} to an allowed name, ${reply(deniedTarget)} to a denied one`,
    [
      wrong.length > 0 && `not socks5h://${proxy}: ${wrong.join(", ")}`,
      bridge === undefined && `no socat leads from port ${port} to a UNIX socket`,
      reply(deniedTarget) !== NOT_ALLOWED && "a denied name is not refused by the rules",
      (reply(allowedTarget) === undefined || reply(allowedTarget) === NOT_ALLOWED) && "an allowed name is refused",
    ],
  );
}

function denial(facts: EgressFacts, { status }: Reference["E3"]): Verdict {
  const { inside, session, audit, deniedUrls, allowedUrl } = facts;
  const answers = deniedUrls.map((wanted) => inside.http?.find(({ url }) => url === wanted));
  const reasons = answers.map((answer) => answer?.body?.trim().split("\n")[0] ?? "");
  const logged = deniedUrls.filter((url) => {
    const { hostname } = new URL(url);
    return audit.some((row) => row.session === session && row.verdict === "denied" && row.host === hostname);
  });
  const allowed = audit.some((row) => row.verdict === "allowed" && row.host === new URL(allowedUrl).hostname);
  return verdict(
    `${answers.map((answer) => answer?.status ?? "nothing").join(" and ")}, "${reasons[0] || "no reason"}", ${logged.length} of ${deniedUrls.length} in the audit log`,
    [
      answers.some((answer) => answer?.status !== status) && `not every denial is a ${status}`,
      reasons.some((reason) => reason === "") && "a denial gives no reason",
      logged.length < deniedUrls.length && "not every denial is in the audit log",
      !allowed && "the control, an allowed request, is not in the audit log",
    ],
  );
}

function forbidden(facts: EgressFacts, promised: Reference["E4"]): Verdict {
  const { inside, outside, escaped, forbiddenUrls, forbiddenTargets } = facts;
  const reached = forbiddenUrls.filter((wanted) => inside.http?.find(({ url }) => url === wanted)?.status !== 403);
  const connected = forbiddenTargets.filter(
    (wanted) => inside.connect?.find(({ target }) => target === wanted)?.ok !== false,
  );
  const word = reached.length + connected.length === 0 ? "never reachable" : "reachable";
  const open = forbiddenTargets[0] ?? "";
  const control = outside.connect?.find(({ target }) => target === open);
  const wall = escaped?.connect?.find(({ target }) => target === open);
  return verdict(
    `${forbiddenUrls.length - reached.length} of ${forbiddenUrls.length} refused by the proxy, ${forbiddenTargets.length - connected.length} of ${forbiddenTargets.length} direct; ` +
      `a session's user outside its namespaces: ${wall?.ok === false ? wall.errno : escaped === undefined ? "no second wall" : "reaches the loopback"}`,
    [
      word !== promised && `${word}, not ${promised}`,
      reached.length > 0 && `not refused by the proxy: ${reached.join(", ")}`,
      connected.length > 0 && `reached directly: ${connected.join(", ")}`,
      control?.ok !== true && "the control outside could not reach the open port either",
      escaped !== undefined && wall?.ok !== false && "the second wall (nftables) lets a session's user through",
    ],
  );
}

function bridgeOn(inside: ProbeReport, port: number): string | undefined {
  const process = inside.processes?.find(
    ({ comm, cmdline }) => comm === "socat" && cmdline.join(" ").includes(`LISTEN:${port}`),
  );
  return process?.cmdline.some((word) => word.startsWith("UNIX-CONNECT:")) ? "socat to a UNIX socket" : undefined;
}

const isSocks = (url: string, proxy: string): boolean => /^socks5h?:/.test(url) && place(url) === proxy;

/** Host and port of a proxy's URL, without the token. */
function place(url: string | undefined): string {
  try {
    return new URL(url ?? "").host;
  } catch {
    return "not set";
  }
}
