/**
 * Stands in for what a machine on AWS talks to: instance metadata (version 2 only), S3, Auto Scaling, Secrets Manager and
 * CloudWatch Logs. It differs: one plain HTTP server for all of them; no hop limit; signatures are
 * checked against one role, but policies are not; a hook waits until it is answered, however long that takes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Credentials, signatureProblem } from "./sigv4.ts";

/** One call of a signed service. */
export interface Call {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Status that it was answered with. */
  readonly status: number;
}

const ROLE: Credentials = {
  AccessKeyId: "ASIASTANDIN000000000",
  SecretAccessKey: "stand-in/secret+access+key",
  Token: "stand-in-session-token==",
};
const TOKEN = "stand-in-metadata-token";
const NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

export class StandInAws {
  readonly instance = "i-0123456789abcdef0";
  /** The machine's Auto Scaling group: Auto Scaling's own tag has it, where tags are in the metadata. */
  group: string | undefined = "cloister-dev-pool";
  readonly secretArn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-key-AbCdEf";
  readonly calls: Call[] = [];
  /** Requests that were refused because of their signature: there shall be none. */
  readonly unsigned: string[] = [];
  /** Paths of the metadata service that were answered with their value. */
  readonly metadata: string[] = [];
  /** Paths that were asked for in vain. */
  readonly missing: string[] = [];
  /** Objects, by `bucket/key`. */
  readonly objects = new Map<string, Buffer>();
  /** Events that were taken, by `group/stream`, for streams that were made. */
  readonly logs = new Map<string, { readonly timestamp: number; readonly message: string }[]>();
  /** The error with which CloudWatch Logs answers, if it does not take events. */
  logsRefused: string | undefined;
  /** The metadata service's answer about `autoscaling/target-lifecycle-state`. */
  target: string | undefined = "InService";
  /** The notice that a Spot machine is taken back. */
  spot: string | undefined;
  /** The hook that waits for an answer. */
  waiting: string | undefined;
  secret: string | undefined;
  /** Bytes of the next object after which the connection breaks, once. */
  breakAfter: number | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(error.message);
      });
    });
  }

  static async start(): Promise<StandInAws> {
    const made = new StandInAws();
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The answered calls of an action, by what one parameter was. */
  taken(action: string, parameter: string): string[] {
    return this.calls
      .filter((call) => call.action === action && call.status === 200)
      .map(({ parameters }) => parameters[parameter] ?? "");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://stand-in");
    const body = await bodyOf(request);
    if (url.pathname.startsWith("/latest/")) return this.#metadata(request, url.pathname, response);
    const target = request.headers["x-amz-target"];
    const service = String(target).startsWith("Logs_20140328.")
      ? "logs"
      : target
        ? "secretsmanager"
        : url.pathname === "/"
          ? "autoscaling"
          : "s3";
    const problem = signatureProblem(request, body, ROLE, service);
    if (problem !== undefined) {
      this.unsigned.push(`${request.method} ${request.url}: ${problem}`);
      response.writeHead(403).end(`<Error><Code>SignatureDoesNotMatch</Code><Message>${problem}</Message></Error>`);
      return;
    }
    if (service === "s3") this.#object(request, decodeURIComponent(url.pathname.slice(1)), response);
    else if (service === "logs") this.#logs(String(target).split(".")[1] ?? "", body, response);
    else if (service === "secretsmanager") this.#secret(String(target), body, response);
    else this.#autoScaling(body.length > 0 ? new URLSearchParams(body.toString()) : url.searchParams, response);
  }

  #metadata(request: IncomingMessage, path: string, response: ServerResponse): void {
    if (path === "/latest/api/token") {
      const seconds = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (request.method !== "PUT" || !(seconds >= 1 && seconds <= 21_600)) response.writeHead(400).end();
      else response.writeHead(200, { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) }).end(TOKEN);
      return;
    }
    if (request.headers["x-aws-ec2-metadata-token"] !== TOKEN) {
      response.writeHead(401).end();
      return;
    }
    const item = path.replace("/latest/meta-data/", "");
    const role = "iam/security-credentials/";
    const until = new Date(Date.now() + 6 * 3_600_000).toISOString();
    const items: Readonly<Record<string, string | undefined>> = {
      "instance-id": this.instance,
      "autoscaling/target-lifecycle-state": this.target,
      "spot/instance-action": this.spot,
      "tags/instance/aws:autoscaling:groupName": this.group,
      [role]: "machines",
      [`${role}machines`]: JSON.stringify({ Code: "Success", Type: "AWS-HMAC", ...ROLE, Expiration: until }),
    };
    (items[item] === undefined ? this.missing : this.metadata).push(item);
    send(response, items[item] === undefined ? undefined : Buffer.from(items[item] ?? ""));
  }

  #object(request: IncomingMessage, path: string, response: ServerResponse): void {
    const object = this.objects.get(path);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    this.calls.push({ action: "GetObject", parameters: { path, from: String(from) }, status: object ? 200 : 404 });
    if (!object) {
      send(response, undefined);
      return;
    }
    response.writeHead(from > 0 ? 206 : 200, { "content-length": object.length - from });
    if (this.breakAfter === undefined) response.end(object.subarray(from));
    else {
      response.write(object.subarray(from, from + this.breakAfter), () => response.destroy());
      this.breakAfter = undefined;
    }
  }

  #secret(target: string, body: Buffer, response: ServerResponse): void {
    const { SecretId } = JSON.parse(body.toString()) as { SecretId?: string };
    const found =
      target === "secretsmanager.GetSecretValue" && SecretId === this.secretArn && this.secret !== undefined;
    this.calls.push({ action: "GetSecretValue", parameters: { SecretId: SecretId ?? "" }, status: found ? 200 : 400 });
    const answer = found
      ? { ARN: SecretId, Name: "model-key", SecretString: this.secret }
      : { __type: "ResourceNotFoundException", Message: "Secrets Manager can't find the specified secret value" };
    response.writeHead(found ? 200 : 400, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(answer));
  }

  /** CreateLogStream and PutLogEvents, of groups that are all there (CloudWatch Logs API reference). */
  #logs(action: string, body: Buffer, response: ServerResponse): void {
    const given = JSON.parse(body.toString()) as {
      logGroupName: string;
      logStreamName: string;
      logEvents?: { timestamp: number; message: string }[];
    };
    const name = `${given.logGroupName}/${given.logStreamName}`;
    const stream = this.logs.get(name);
    const times = (given.logEvents ?? []).map(({ timestamp }) => timestamp);
    const wrong =
      this.logsRefused ??
      (action === "CreateLogStream"
        ? stream && "ResourceAlreadyExistsException"
        : action !== "PutLogEvents"
          ? "UnknownOperationException"
          : !stream
            ? "ResourceNotFoundException"
            : times.length === 0 || times.some((time, i) => i > 0 && time < (times[i - 1] ?? 0))
              ? "InvalidParameterException"
              : undefined);
    if (!wrong && action === "CreateLogStream") this.logs.set(name, []);
    if (!wrong) stream?.push(...(given.logEvents ?? []));
    this.calls.push({ action, parameters: { name }, status: wrong ? 400 : 200 });
    response
      .writeHead(wrong ? 400 : 200, { "content-type": "application/x-amz-json-1.1" })
      .end(JSON.stringify(wrong ? { __type: wrong, message: `the stand-in says ${wrong}` } : {}));
  }

  #autoScaling(parameters: URLSearchParams, response: ServerResponse): void {
    const given = Object.fromEntries(parameters);
    const action = given["Action"] ?? "";
    const wrong = this.#refusal(action, given);
    this.calls.push({ action, parameters: given, status: wrong === undefined ? 200 : 400 });
    response
      .writeHead(wrong === undefined ? 200 : 400, { "content-type": "text/xml" })
      .end(
        wrong === undefined
          ? `<${action}Response xmlns="${NAMESPACE}"><${action}Result/></${action}Response>`
          : `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${wrong}</Message></Error></ErrorResponse>`,
      );
    if (wrong === undefined && action === "CompleteLifecycleAction") this.waiting = undefined;
  }

  #refusal(action: string, given: Readonly<Record<string, string>>): string | undefined {
    if (given["AutoScalingGroupName"] !== this.group) return "AutoScalingGroup name not found";
    if (action === "SetInstanceProtection") {
      if (given["InstanceIds.member.1"] !== this.instance) return "The instance is not part of the group";
      return this.waiting || this.target !== "InService" ? "The instance is not in InService or Standby" : undefined;
    }
    if (action !== "CompleteLifecycleAction" && action !== "RecordLifecycleActionHeartbeat")
      return `no action ${action}`;
    return given["InstanceId"] === this.instance && given["LifecycleHookName"] === this.waiting
      ? undefined
      : `No active Lifecycle Action found with instance ID ${given["InstanceId"]}`;
  }
}

function send(response: ServerResponse, data: Buffer | undefined): void {
  if (data === undefined) response.writeHead(404).end("not found");
  else response.writeHead(200, { "content-length": data.length }).end(data);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
