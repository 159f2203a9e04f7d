import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Credentials as the metadata service gives them. */
export interface Credentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * Whether a request is signed by these credentials for a service (AWS Signature Version 4, "Create a signed AWS API
 * request"). Written after the specification, not after the code under test.
 *
 * @returns what is wrong, or undefined
 */
export function signatureProblem(
  request: IncomingMessage,
  body: Buffer,
  { AccessKeyId, SecretAccessKey, Token }: Credentials,
  service: string,
): string | undefined {
  const { headers, method = "GET", url = "/" } = request;
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    );
  if (!given) return `no signature of version 4: ${headers.authorization ?? "no authorization header"}`;
  const [, key, day, region, named, signed = "", signature] = given;
  if (key !== AccessKeyId) return `key ${key}`;
  if (named !== service) return `signed for the service ${named}, sent to ${service}`;
  if (headers["x-amz-security-token"] !== Token) return "without the role's session token";
  const date = String(headers["x-amz-date"]);
  if (!date.startsWith(day ?? "?")) return `dates differ: ${date}, ${day}`;
  const payload = sha256(body);
  const claimed = headers["x-amz-content-sha256"];
  if (claimed !== undefined && claimed !== payload && claimed !== "UNSIGNED-PAYLOAD") return "another body";
  const [path = "/", query = ""] = url.split("?");
  const canonical = [
    method,
    path,
    query.split("&").sort().join("&"),
    ...signed.split(";").map((name) => `${name}:${String(headers[name] ?? "").trim()}`),
    "",
    signed,
    claimed ?? payload,
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const signing = [day ?? "", region ?? "", service, "aws4_request"].reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${SecretAccessKey}`),
  );
  return hmac(signing, text).toString("hex") === signature ? undefined : "the signature does not fit the request";
}
