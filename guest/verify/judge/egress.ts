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

/** What was asked for from inside a session, and the same requests where they are allowed. */
export interface EgressFacts {
  readonly session: string;
  readonly inside: ProbeReport;
  /** Control: an ordinary user of the machine. */
  readonly outside: ProbeReport;
  /** A session's Unix user, outside its namespaces: what the second wall is for. */
  readonly escaped: ProbeReport;
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
  /** The same by direct connection, as the probe writes them. The first is a port that is open on the machine. */
  readonly forbiddenTargets: readonly string[];
}

/** SOCKS5's reply for a destination that the rules do not allow (RFC 1928, section 6). */
const NOT_ALLOWED = 2;

export function judgeEgress(facts: EgressFacts): Verdicts {
  return { E1: httpProxy(facts), E2: socksProxy(facts), E3: denial(facts), E4: forbidden(facts) };
}

function httpProxy({ inside, allowedUrl }: EgressFacts): Verdict {
  const environment = inside.environment ?? {};
  const bridge = bridgeOn(inside, 3128);
  const answer = inside.http?.find(({ url }) => url === allowedUrl);
  return verdict(
    `HTTP_PROXY ${place(environment["HTTP_PROXY"])}, ${bridge ?? "no bridge"}, an allowed request gets ${answer?.status ?? answer?.error ?? "nothing"}`,
    [
      place(environment["HTTP_PROXY"]) !== "localhost:3128" && "HTTP_PROXY is not localhost:3128",
      place(environment["HTTPS_PROXY"]) !== "localhost:3128" && "HTTPS_PROXY is not localhost:3128",
      bridge === undefined && "no socat leads from port 3128 to a UNIX socket",
      answer?.status !== 200 && `an allowed request fails: ${answer?.error ?? answer?.status}`,
    ],
  );
}

function socksProxy({ inside, allowedTarget, deniedTarget }: EgressFacts): Verdict {
  const environment = inside.environment ?? {};
  const bridge = bridgeOn(inside, 1080);
  const reply = (wanted: string) => inside.socks?.find(({ target }) => target === wanted)?.reply;
  const names = ["ALL_PROXY", "FTP_PROXY", "GRPC_PROXY"];
  const wrong = names.filter((name) => !/^socks5h?:.*localhost:1080$/.test(environment[name] ?? ""));
  return verdict(
    `ALL_PROXY ${place(environment["ALL_PROXY"])}, ${bridge ?? "no bridge"}, replies: ${reply(allowedTarget)} to an allowed name, ${reply(deniedTarget)} to a denied one`,
    [
      wrong.length > 0 && `not socks5h://localhost:1080: ${wrong.join(", ")}`,
      bridge === undefined && "no socat leads from port 1080 to a UNIX socket",
      reply(deniedTarget) !== NOT_ALLOWED && "a denied name is not refused by the rules",
      (reply(allowedTarget) === undefined || reply(allowedTarget) === NOT_ALLOWED) && "an allowed name is refused",
    ],
  );
}

function denial({ inside, session, audit, deniedUrls, allowedUrl }: EgressFacts): Verdict {
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
      answers.some((answer) => answer?.status !== 403) && "not every denial is a 403",
      reasons.some((reason) => reason === "") && "a denial gives no reason",
      logged.length < deniedUrls.length && "not every denial is in the audit log",
      !allowed && "the control, an allowed request, is not in the audit log",
    ],
  );
}

function forbidden(facts: EgressFacts): Verdict {
  const { inside, outside, escaped, forbiddenUrls, forbiddenTargets } = facts;
  const reached = forbiddenUrls.filter((wanted) => inside.http?.find(({ url }) => url === wanted)?.status !== 403);
  const connected = forbiddenTargets.filter(
    (wanted) => inside.connect?.find(({ target }) => target === wanted)?.ok !== false,
  );
  const open = forbiddenTargets[0] ?? "";
  const control = outside.connect?.find(({ target }) => target === open);
  const wall = escaped.connect?.find(({ target }) => target === open);
  return verdict(
    `${forbiddenUrls.length - reached.length} of ${forbiddenUrls.length} refused by the proxy, ${forbiddenTargets.length - connected.length} of ${forbiddenTargets.length} direct; ` +
      `a session's user outside its namespaces: ${wall?.ok === false ? wall.errno : "reaches the loopback"}`,
    [
      reached.length > 0 && `not refused by the proxy: ${reached.join(", ")}`,
      connected.length > 0 && `reached directly: ${connected.join(", ")}`,
      control?.ok !== true && "the control outside could not reach the open port either",
      wall?.ok !== false && "the second wall (nftables) lets a session's user through",
    ],
  );
}

function bridgeOn(inside: ProbeReport, port: number): string | undefined {
  const process = inside.processes?.find(
    ({ comm, cmdline }) => comm === "socat" && cmdline.join(" ").includes(`LISTEN:${port}`),
  );
  return process?.cmdline.some((word) => word.startsWith("UNIX-CONNECT:")) ? "socat to a UNIX socket" : undefined;
}

/** Host and port of a proxy's URL, without the token. */
function place(url: string | undefined): string {
  try {
    return new URL(url ?? "").host;
  } catch {
    return "not set";
  }
}
