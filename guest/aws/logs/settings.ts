import { AUDIT_IDENTIFIER } from "../../egress/audit-journal.ts";

/**
 * AWS's agent reads the machine's main journal only. This unit copies the audit rows there (guest/units): rows are
 * recognised by fields that journald sets itself, and that only this unit has.
 */
const AUDIT_COPY = { _SYSTEMD_UNIT: "cloister-audit-copy.service", _UID: "0" } as const;

/** The folder of AWS's agent. */
export const AGENT = "/opt/aws/amazon-cloudwatch-agent";

/**
 * The agent's version. Its first with the journal as a source was released in summer 2026 (aws/amazon-cloudwatch-agent
 * #2121); older ones refuse {@link agentSettings}.
 */
export const AGENT_VERSION = "1.300072.0b1766";

/**
 * The fingerprint of the key that signs the agent (CloudWatch user guide, "Verifying the signature of the CloudWatch
 * agent package").
 */
export const AGENT_KEY = "937616F3450B7D806CBD9725D58167303B789C72";

/**
 * Returns the addresses of the agent's package, its signature and its key. They are in the region's own bucket, so that
 * S3's gateway endpoint leads there.
 */
export function packageAddresses(where: {
  readonly region: string;
  /** `ubuntu` or `debian`, as os-release has it. */
  readonly system: string;
  readonly arch: string;
  /** Another place with the same layout. @default AWS's bucket of the region */
  readonly base?: string | undefined;
}): { readonly deb: string; readonly signature: string; readonly key: string } {
  const { region, system, arch } = where;
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const base = where.base ?? `https://amazoncloudwatch-agent-${region}.s3.${region}.${suffix}`;
  const deb = `${base}/${system}/${arch}/${AGENT_VERSION}/amazon-cloudwatch-agent.deb`;
  return { deb, signature: `${deb}.sig`, key: `${base}/assets/amazon-cloudwatch-agent.gpg` };
}

/**
 * The agent's configuration: the journal, which has everything that services, the kernel and cloister say, goes to the
 * system's log group; the audit rows of sessions' networks to the audit group. One stream for each instance. No metrics.
 */
export function agentSettings(args: {
  readonly region: string;
  readonly instance: string;
  readonly logGroups: { readonly system: string; readonly audit: string };
}): object {
  const { region, instance, logGroups } = args;
  return {
    // The packet filter lets root alone reach the metadata service, where the role's credentials are.
    agent: { region, run_as_user: "root" },
    logs: {
      logs_collected: {
        journald: {
          collect_list: [
            { log_group_name: logGroups.system, log_stream_name: instance },
            {
              log_group_name: logGroups.audit,
              log_stream_name: instance,
              matches: [{ SYSLOG_IDENTIFIER: AUDIT_IDENTIFIER, ...AUDIT_COPY }],
            },
          ],
        },
      },
    },
  };
}
