import { awsConnection } from "../../lib/aws-connection.ts";

/** Settings of every client. With many machines AWS throttles calls: that slows us down instead of failing. */
export function clientSettings(region: string) {
  return { region, retryMode: "adaptive", maxAttempts: 10, ...awsConnection() } as const;
}

/** True where S3 is not AWS's: virtual-host addressing wants a name server that knows each bucket. */
export function wantsPathStyle(env: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"]);
}
