import type { ProbeReport } from "../probe-report.ts";
import { type Verdict, type Verdicts, verdict } from "./verdict.ts";

/** The same probe inside a session and, as the positive control, outside it as an ordinary user. */
export interface SandboxFacts {
  readonly inside: ProbeReport;
  readonly outside: ProbeReport;
}

const NAMESPACES = ["net", "pid", "mnt", "user", "ipc", "uts", "cgroup"];
const FLAGS = ["--unshare-net", "--unshare-pid", "--die-with-parent", "--new-session"];
const CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

export function judgeSandbox({ inside, outside }: SandboxFacts): Verdicts {
  const status = inside.status ?? {};
  const first = inside.processes?.find(({ pid }) => pid === 1);
  return {
    S1: verdict(first?.comm ?? "nothing", [first?.comm !== "bwrap" && "PID 1 inside is not bubblewrap"]),
    S2: namespaces(inside.namespaces ?? {}, outside.namespaces ?? {}),
    S3: flags(first?.cmdline ?? []),
    S4: verdict(`mode ${status["Seccomp"] ?? "?"}, ${status["Seccomp_filters"] ?? "?"} filters`, [
      status["Seccomp"] !== "2" && "not in mode 2",
      !(Number(status["Seccomp_filters"]) >= 2) && "fewer than 2 filters",
    ]),
    S5: verdict(status["NoNewPrivs"] ?? "?", [status["NoNewPrivs"] !== "1" && "not set"]),
    S6: capabilities(status, outside.status ?? {}),
    S7: processStack(inside.processes ?? []),
    S8: directNetwork(inside, outside),
  };
}

function namespaces(inside: Readonly<Record<string, string>>, outside: Readonly<Record<string, string>>): Verdict {
  const own = NAMESPACES.filter((name) => inside[name] !== undefined && inside[name] !== outside[name]);
  const shared = NAMESPACES.filter((name) => !own.includes(name));
  const unknown = NAMESPACES.filter((name) => outside[name] === undefined);
  return verdict(own.join(", "), [
    shared.length > 0 && `shared with the machine: ${shared.join(", ")}`,
    unknown.length > 0 && `the control outside does not tell: ${unknown.join(", ")}`,
  ]);
}

function flags(cmdline: readonly string[]): Verdict {
  const end = cmdline.indexOf("--");
  const given = new Set(end === -1 ? cmdline : cmdline.slice(0, end));
  const missing = FLAGS.filter((flag) => !given.has(flag));
  return verdict(FLAGS.filter((flag) => given.has(flag)).join(", ") || "none", [
    missing.length > 0 && `missing: ${missing.join(", ")}`,
  ]);
}

function capabilities(inside: Readonly<Record<string, string>>, outside: Readonly<Record<string, string>>): Verdict {
  const isZero = (value: string | undefined) => value !== undefined && /^0+$/.test(value);
  const left = CAPABILITIES.filter((set) => !isZero(inside[set]));
  return verdict(left.length === 0 ? "all 0" : left.map((set) => `${set} ${inside[set] ?? "?"}`).join(", "), [
    left.length > 0 && "not all are 0",
    // An ordinary user's bounding set is full: if it were empty outside too, the row would prove nothing.
    isZero(outside["CapBnd"]) && "the control outside has an empty bounding set as well",
  ]);
}

function processStack(processes: NonNullable<ProbeReport["processes"]>): Verdict {
  const at = (pid: number) => processes.find((process) => process.pid === pid);
  const seen = [1, 2, 3, 4, 5].map((pid) => {
    const { comm = "nothing", cmdline = [] } = at(pid) ?? {};
    // The ports are in the arguments of bubblewrap and bash too.
    const port = comm === "socat" ? /LISTEN:(\d+)/.exec(cmdline.join(" "))?.[1] : undefined;
    return `${pid} ${comm}${port === undefined ? "" : ` (${port})`}`;
  });
  const wanted = ["1 bwrap", "2 bash", "3 socat (3128)", "4 socat (1080)"];
  return verdict(seen.join(", "), [
    ...wanted.map((want, index) => seen[index] !== want && `PID ${index + 1} is not ${want.slice(2)}`),
    at(5) === undefined && "there is no PID 5",
  ]);
}

function directNetwork(inside: ProbeReport, outside: ProbeReport): Verdict {
  const routes = inside.routes?.routes ?? ["unknown"];
  const interfaces = inside.routes?.interfaces ?? [];
  const unix = inside.unix?.[0];
  // Anything else comes from the connection: the socket was there by then.
  const refused = unix?.ok === false && /^(EPERM|EAFNOSUPPORT)$/.test(unix.errno ?? "");
  const name = inside.dns?.[0];
  const failed = outside.dns?.some((answer) => answer.ok) !== true;
  return verdict(
    [
      routes.length === 0 ? `no route (interfaces: ${interfaces.join(", ")})` : `routes: ${routes.join(", ")}`,
      name?.ok === false ? "no DNS" : "DNS answers",
      `AF_UNIX: ${refused ? unix.errno : "can be created"}`,
    ].join(", "),
    [
      routes.length > 0 && "there is a route",
      interfaces.some((each) => each !== "lo") && "there is an interface beside lo",
      name?.ok !== false && "a name can be looked up",
      !refused && "an AF_UNIX socket can be created",
      outside.unix?.[0]?.ok !== true && "the control outside could not use an AF_UNIX socket either",
      failed && "the control outside could not look the name up either",
      !((outside.routes?.routes.length ?? 0) > 0) && "the control outside has no route either",
    ],
  );
}
