import { REFERENCE, type Reference } from "../../../contract/reference.ts";
import type { ProbeReport } from "../probe-report.ts";
import { type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** The same probe inside a session and, as the positive control, outside it as an ordinary user. */
export interface SandboxFacts {
  readonly inside: ProbeReport;
  readonly outside: ProbeReport;
}

/** Launchers by the names of their processes. */
const LAUNCHERS: Readonly<Record<string, string>> = { bwrap: "bubblewrap" };

export function judgeSandbox({ inside, outside }: SandboxFacts, promised: Reference = REFERENCE): Verdicts {
  const status = inside.status ?? {};
  const first = inside.processes?.find(({ pid }) => pid === 1);
  return {
    S1: verdict(first?.comm ?? "nothing", [
      LAUNCHERS[first?.comm ?? ""] !== promised.S1 && `PID 1 inside is not ${promised.S1}`,
    ]),
    S2: namespaces(inside.namespaces ?? {}, outside.namespaces ?? {}, promised.S2),
    S3: flags(first?.cmdline ?? [], promised.S3),
    S4: verdict(`mode ${status["Seccomp"] ?? "?"}, ${status["Seccomp_filters"] ?? "?"} filters`, [
      status["Seccomp"] !== String(promised.S4.mode) && `not in mode ${promised.S4.mode}`,
      !(Number(status["Seccomp_filters"]) >= promised.S4.filters) && `fewer than ${promised.S4.filters} filters`,
    ]),
    S5: verdict(status["NoNewPrivs"] ?? "?", [status["NoNewPrivs"] !== String(promised.S5) && `not ${promised.S5}`]),
    S6: capabilities(status, outside.status ?? {}, promised.S6),
    S7: processStack(inside.processes ?? [], promised.S7),
    S8: directNetwork(inside, outside, promised.S8),
  };
}

function namespaces(
  inside: Readonly<Record<string, string>>,
  outside: Readonly<Record<string, string>>,
  promised: Reference["S2"],
): Verdict {
  const own = promised.filter((name) => inside[name] !== undefined && inside[name] !== outside[name]);
  const shared = promised.filter((name) => !own.includes(name));
  const unknown = promised.filter((name) => outside[name] === undefined);
  return verdict(own.join(", "), [
    shared.length > 0 && `shared with the machine: ${shared.join(", ")}`,
    unknown.length > 0 && `the control outside does not tell: ${unknown.join(", ")}`,
  ]);
}

function flags(cmdline: readonly string[], promised: Reference["S3"]): Verdict {
  const end = cmdline.indexOf("--");
  const given = new Set(end === -1 ? cmdline : cmdline.slice(0, end));
  const missing = promised.filter((flag) => !given.has(flag));
  return verdict(promised.filter((flag) => given.has(flag)).join(", ") || "none", [
    missing.length > 0 && `missing: ${missing.join(", ")}`,
  ]);
}

function capabilities(
  inside: Readonly<Record<string, string>>,
  outside: Readonly<Record<string, string>>,
  { sets }: Reference["S6"],
): Verdict {
  const isZero = (value: string | undefined) => value !== undefined && /^0+$/.test(value);
  const left = sets.filter((set) => !isZero(inside[set]));
  return verdict(left.length === 0 ? "all 0" : left.map((set) => `${set} ${inside[set] ?? "?"}`).join(", "), [
    left.length > 0 && "not all are 0",
    // An ordinary user's bounding set is full. If it were empty outside too, the row would prove nothing.
    isZero(outside["CapBnd"]) && "the control outside has an empty bounding set as well",
  ]);
}

function processStack(processes: NonNullable<ProbeReport["processes"]>, promised: Reference["S7"]): Verdict {
  const at = (pid: number) => processes.find((process) => process.pid === pid);
  const seen = [1, 2, 3, 4, 5].map((pid) => {
    const { comm = "nothing", cmdline = [] } = at(pid) ?? {};
    // The ports are in the arguments of bubblewrap and bash too.
    const port = comm === "socat" ? /LISTEN:(\d+)/.exec(cmdline.join(" "))?.[1] : undefined;
    return `${pid} ${comm}${port === undefined ? "" : ` (${port})`}`;
  });
  const wanted = [promised.pid1, promised.pid2, promised.pid3, promised.pid4];
  return verdict(seen.join(", "), [
    ...wanted.map((want, index) => seen[index] !== `${index + 1} ${want}` && `PID ${index + 1} is not ${want}`),
    at(5) === undefined && "there is no PID 5",
  ]);
}

function directNetwork(inside: ProbeReport, outside: ProbeReport, promised: Reference["S8"]): Verdict {
  const routes = inside.routes?.routes ?? ["unknown"];
  const interfaces = inside.routes?.interfaces ?? [];
  const unix = inside.unix?.[0];
  // Any other error comes from the connection, so the socket had been created.
  const refused = unix?.ok === false && /^(EPERM|EAFNOSUPPORT)$/.test(unix.errno ?? "");
  const name = inside.dns?.[0];
  const failed = outside.dns?.some((answer) => answer.ok) !== true;
  // These texts use the reference's words.
  const route = routes.length === 0 ? "no route" : `routes: ${routes.join(", ")}`;
  const names = name?.ok === false ? "no DNS" : "DNS answers";
  const sockets = `AF_UNIX sockets ${refused ? "cannot" : "can"} be created`;
  return verdict(
    `${route} (interfaces: ${interfaces.join(", ")}), ${names}, ${sockets}${refused ? ` (${unix.errno})` : ""}`,
    [
      route !== promised.route && `${route}, not ${promised.route}`,
      interfaces.some((each) => each !== "lo") && "there is an interface beside lo",
      names !== promised.names && `${names}, not ${promised.names}`,
      sockets !== promised.sockets && `${sockets}, not: ${promised.sockets}`,
      outside.unix?.[0]?.ok !== true && "the control outside could not use an AF_UNIX socket either",
      failed && "the control outside could not look the name up either",
      !((outside.routes?.routes.length ?? 0) > 0) && "the control outside has no route either",
    ],
  );
}
