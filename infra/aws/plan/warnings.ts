import type { Settings } from "../../settings/settings.ts";
import { oddTime } from "./clock-changes.ts";
import { covers } from "./problems/mirror.ts";
import { resolveMachine, resolvePool } from "./resolve.ts";

/** An image of this age lacks fixes that Ubuntu's later ones have. Days. */
const OLD_DAYS = 30;
/** Host of the model's API (guest/agent/relay-forward.ts). */
const MODEL_API = "api.anthropic.com";

/** Regions that lack a family of Graviton4, by the schemas of AWS that cfn-lint 1.58 carries. Where AWS can be asked, it is. */
const LACKING: Readonly<Record<string, readonly string[]>> = {
  c8g: ["me-central-1", "me-south-1", "mx-central-1"],
  m8g: ["il-central-1", "ap-southeast-6"],
  r8g: ["il-central-1", "ap-east-2", "me-south-1"],
};
/** Regions in which accounts do not all have the zones a and b. */
const OTHER_ZONES = ["ap-northeast-1", "us-west-1"];

/** What may be meant, and mostly is not. Each is told in a preview; nothing is refused. */
export function awsWarnings(settings: Settings, now: Date): string[] {
  return [
    ...imageWarnings(settings, now),
    ...firewallWarnings(settings),
    ...accountWarnings(settings),
    ...placeWarnings(settings),
    ...clockWarnings(settings, now),
  ];
}

function imageWarnings({ ami }: Settings, now: Date): string[] {
  const age = ami === null ? undefined : imageAge(ami.name, now);
  if (age === undefined || age <= OLD_DAYS) return [];
  return [
    `cloister:ami is ${age} days old: new machines start without the fixes of that time. Pin a newer one: npm run aws:ami -- --stack NAME`,
  ];
}

/** Age of one of Ubuntu's images in days, by the date that its name ends with; undefined where it has none. */
export function imageAge(name: string, now: Date): number | undefined {
  const [, year, month, day] = /-(\d{4})(\d{2})(\d{2})(?:\.\d+)?$/.exec(name) ?? [];
  const made = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  return Number.isNaN(made) ? undefined : Math.floor((now.getTime() - made) / 86_400_000);
}

function firewallWarnings({ network, mcpServers, region }: Settings): string[] {
  if (network.dnsFirewall.length === 0) return [];
  const domains = [...network.dnsFirewall, `*.${region}.amazonaws.com`];
  const wanted = new Map([[MODEL_API, "the model's API, without which no agent works"]]);
  for (const [name, server] of Object.entries(mcpServers)) {
    if ("url" in server && URL.canParse(server.url)) wanted.set(new URL(server.url).hostname, `the MCP server ${name}`);
  }
  return [...wanted]
    .filter(([host]) => !domains.some((domain) => covers(domain, host)))
    .map(([host, what]) => `cloister:network.dnsFirewall lacks ${host}, the host of ${what}. Add it.`);
}

function accountWarnings({ accountId, onDestroy }: Settings): string[] {
  if (accountId !== "" || onDestroy === "delete-data") return [];
  return [
    'cloister:accountId is not set: this stack goes to whichever account the credentials are for. Pin it: pulumi config set cloister:accountId "$(aws sts get-caller-identity --query Account --output text)"',
  ];
}

/** AWS says that a schedule follows the zone's clocks, and not what it does at a time that is not there, or there twice. */
function clockWarnings({ pools }: Settings, now: Date): string[] {
  return Object.entries(pools).flatMap(([pool, { schedules }]) =>
    Object.entries(schedules).flatMap(([name, { cron, timeZone }]) => {
      const odd = oddTime(cron, timeZone, now);
      if (odd === undefined) return [];
      const does = odd.what === "skipped" ? "skip that time" : "show that time twice";
      return [
        `cloister:pools.${pool}.schedules.${name}.cron (${cron}): on ${odd.date} the clocks of ${timeZone} ${does}, and it may run not at all or twice. Write an hour in which they do not change.`,
      ];
    }),
  );
}

function placeWarnings(settings: Settings): string[] {
  const { region, zones, machines, pools } = settings;
  const types = new Set([
    settings.instanceType,
    ...Object.keys(machines).map((name) => resolveMachine(settings, name).instanceType),
    ...Object.keys(pools).map((name) => resolvePool(settings, name).instanceType),
  ]);
  const absent = [...types].filter((type) => LACKING[type.split(".")[0] ?? ""]?.includes(region));
  const warnings = absent.map(
    (type) => `${type} is not offered in ${region}, by a list of 2026. Write another cloister:instanceType, or region.`,
  );
  if (zones.length === 0 && OTHER_ZONES.includes(region))
    warnings.push(
      `cloister:zones is not set, and not every account has the zones a and b of ${region}. See: aws ec2 describe-availability-zones --region ${region}`,
    );
  return warnings;
}
