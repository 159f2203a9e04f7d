import type { CountedRow } from "../guest/egress/audit-counts.ts";
import { type EgressDecision, NOT_ALLOWED } from "../guest/egress/decision.ts";
import { remedyFor } from "../guest/egress/remedy.ts";
import { neutralJson } from "../guest/lib/neutral.ts";
import { shellQuoted } from "../infra/local/ssh.ts";
import { shown } from "./copy/text.ts";
import { type Colours, fields } from "./screen.ts";

type Row = EgressDecision | CountedRow;

/** Columns of a name of a session as the machine makes them, and of a common destination. */
const SESSION = 20;
const DESTINATION = 28;

/** One row for a terminal of this width: a line, and a second one where the remedy does not fit. */
export function rowForPeople(
  row: Row,
  { width, colours }: { readonly width: number; readonly colours: Colours },
): string {
  const { time, session, verdict, destination, why, remedy } = partsOf(row);
  const paint = { allowed: colours.green, denied: colours.red, failed: colours.yellow }[row.verdict];
  const start = [
    colours.dim(time),
    session.padEnd(SESSION),
    paint(verdict.padEnd("allowed".length)),
    destination.padEnd(DESTINATION),
  ].join("  ");
  const used = [time, session.padEnd(SESSION), "allowed", destination.padEnd(DESTINATION)].join("  ").length;
  const line = `${start}  ${cut(why, width - used - 2)}`;
  if (remedy === "") return line;
  const beside = `  ${remedy}`;
  return used + 2 + why.length + beside.length <= width
    ? `${line}${colours.bold(beside)}`
    : `${line}\n    to allow it: ${colours.bold(remedy)}`;
}

/** One row for a program: fields with tabs between them, the remedy last. */
export function rowForPrograms(row: Row): string {
  const { time, session, verdict, via, destination, why, remedy } = partsOf(row);
  return fields([time, session, verdict, via, destination, why, remedy]);
}

/** One row as a JSON object, with the remedy beside it. */
export function rowAsJson(row: Row): string {
  const remedy = remedyFor(row);
  return neutralJson(remedy === undefined ? row : { ...row, howToAllow: remedy });
}

/** A row in words. A session chose most of it: nothing in it can move a cursor or end a line. */
function partsOf(row: Row) {
  const counted = "counted" in row;
  const remedy = remedyFor(row);
  return {
    time: shown(row.time.replace(/\.\d+Z$/, "Z")),
    session: shown(row.session),
    verdict: row.verdict,
    via: counted ? "-" : row.via,
    destination: counted ? `${row.counted} requests` : shown(`${row.host}:${row.port}`),
    why: shown(counted ? countedHosts(row) : reasonOf(row)),
    remedy: remedy === undefined ? "" : quotedOption(remedy),
  };
}

function reasonOf({ verdict, reason, method, path, ...row }: EgressDecision): string {
  const asked = path === undefined ? "" : `${method ?? "?"} ${path}: `;
  const never = verdict === "denied" && reason === NOT_ALLOWED && remedyFor({ verdict, reason, ...row }) === undefined;
  return `${asked}${reason}${never ? "; no entry can allow it" : ""}`;
}

function countedHosts({ since, hosts, others }: CountedRow): string {
  const each = hosts.map(([host, count]) => `${host} (${count})`);
  return `since ${since}: ${[...each, ...(others > 0 ? [`others (${others})`] : [])].join(", ")}`;
}

/** The option as a person can paste it: an IPv6 address has brackets, which a shell reads as a pattern. */
function quotedOption(option: string): string {
  const [name = "", value = ""] = option.split(" ");
  return `${name} ${shellQuoted(value)}`;
}

const cut = (text: string, width: number): string =>
  width > 0 && text.length > width ? `${text.slice(0, Math.max(0, width - 3))}...` : text;
