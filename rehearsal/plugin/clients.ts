/** The AWS SDK's clients as the stand-in uses them: to moto alone, every request checked and written down. */
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
import { answers } from "./answers.ts";
import { withFaults } from "./faults.ts";
import type { ServiceModel } from "./models.ts";

/** One call of the API, as the log of calls has it. */
export interface Call {
  /** Resource for which it was made; empty for an invoke. */
  readonly urn: string;
  readonly during: "create" | "read" | "update" | "delete" | "invoke";
  /** Prefix of the action in IAM. */
  readonly service: string;
  readonly operation: string;
}

/** botocore's folder and IAM's prefix, by the SDK's name of the client. */
const SERVICES: Readonly<Record<string, readonly [model: string, iam: string]>> = {
  AutoScalingClient: ["autoscaling", "autoscaling"],
  BudgetsClient: ["budgets", "budgets"],
  CloudWatchClient: ["cloudwatch", "cloudwatch"],
  CloudWatchLogsClient: ["logs", "logs"],
  DLMClient: ["dlm", "dlm"],
  EC2Client: ["ec2", "ec2"],
  IAMClient: ["iam", "iam"],
  KMSClient: ["kms", "kms"],
  Route53ResolverClient: ["route53resolver", "route53resolver"],
  S3Client: ["s3", "s3"],
  SecretsManagerClient: ["secretsmanager", "secretsmanager"],
  SNSClient: ["sns", "sns"],
  STSClient: ["sts", "sts"],
};

/** The resource for which calls are made. */
interface Behalf extends Pick<Call, "urn" | "during"> {
  /** Id of what the API has made already, while its creation goes on. */
  made?: string;
}

/** For whom calls are made now. */
export const onBehalf = new AsyncLocalStorage<Behalf>();

/** Says that the API has made the resource, so that it is not lost when a later call of its creation fails. */
export function made(id: string | undefined): string {
  const behalf = onBehalf.getStore();
  if (behalf && id) behalf.made = id;
  return id ?? "";
}

export const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the stand-in for the AWS plugin speaks to moto alone`);
  return value;
};

const models = new Map<string, Promise<ServiceModel>>();
const clients = new Map<string, Promise<unknown>>();
let region = "";

export function useRegion(name: string): void {
  region = name;
}

interface Middleware {
  add(
    step: (
      next: (args: { input: object }) => Promise<unknown>,
      context: Record<string, unknown>,
    ) => (args: { input: object }) => Promise<unknown>,
    options: { step: "initialize"; name: string; priority: "high" },
  ): void;
}

interface Settings {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly forcePathStyle: boolean;
  readonly maxAttempts: number;
}

/** The one client of a kind; `load` imports its package, so that only what is used is read. */
function client<T>(key: string, load: () => Promise<new (settings: Settings) => T>): Promise<T> {
  const found = clients.get(key) ?? make(load);
  clients.set(key, found);
  return found as Promise<T>;
}

async function make<T>(load: () => Promise<new (settings: Settings) => T>): Promise<T> {
  const endpoint = required("AWS_ENDPOINT_URL");
  if (!/^http:\/\/127\.0\.0\.1:\d+$/.test(endpoint)) throw new Error(`${endpoint} is not moto on loopback`);
  const Client = await load();
  // Files of settings do not matter: moto takes any credentials.
  const credentials = {
    accessKeyId: required("AWS_ACCESS_KEY_ID"),
    secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
  };
  const created = new Client({ region, endpoint, credentials, forcePathStyle: true, maxAttempts: 1 });
  (created as { middlewareStack: Middleware }).middlewareStack.add(
    (next, context) => async (args) => {
      const operation = String(context["commandName"]).replace(/Command$/, "");
      const [folder, service] = SERVICES[String(context["clientName"])] ?? ["", ""];
      await check(folder, operation, args.input);
      const { urn, during } = onBehalf.getStore() ?? { urn: "", during: "invoke" };
      write({ urn, during, service, operation });
      const answer = answers(service, operation);
      const call = async (): Promise<unknown> => {
        if (!answer) return await next(args);
        const input = args.input as Parameters<typeof answer>[0];
        const output = await onBehalf.exit(async () => await answer(input, next, created));
        return { output, response: {} };
      };
      return await withFaults(`${service}:${operation}`, call, async () => {
        const { AutoScalingGroupName } = args.input as { AutoScalingGroupName?: string };
        await (await autoScaling()).cancelInstanceRefresh({ AutoScalingGroupName });
      });
    },
    { step: "initialize", name: "rehearsal", priority: "high" },
  );
  return created;
}

async function check(folder: string, operation: string, input: object): Promise<void> {
  const model = models.get(folder) ?? modelOf(folder);
  models.set(folder, model);
  const problems = await (await model).problems(operation, input);
  if (problems.length > 0) throw new Error(`AWS would refuse this request: ${problems.join("; ")}`);
}

/** Loaded when first used: most previews call nothing. */
async function modelOf(folder: string): Promise<ServiceModel> {
  const { ServiceModel } = await import("./models.ts");
  return new ServiceModel(required("CLOISTER_SERVICE_MODELS"), folder);
}

function write(call: Call): void {
  const file = process.env["CLOISTER_CALLS"];
  if (file) appendFileSync(file, `${JSON.stringify(call)}\n`);
}

/** A client's package, bundled by itself: it is large, and seldom is more than one used. */
async function sdk<Package>(name: string): Promise<Package> {
  const { load } = createRequire(import.meta.url)("../../lib/run-bundled.cjs") as {
    load(entry: string, shared: string[], large: string[]): Promise<Package>;
  };
  return await load(`node_modules/@aws-sdk/client-${name}/dist-es/index.js`, [], []);
}

export const autoScaling = () =>
  client(
    "autoscaling",
    async () => (await sdk<typeof import("@aws-sdk/client-auto-scaling")>("auto-scaling")).AutoScaling,
  );
export const budgets = () =>
  client("budgets", async () => (await sdk<typeof import("@aws-sdk/client-budgets")>("budgets")).Budgets);
export const cloudWatch = () =>
  client("cloudwatch", async () => (await sdk<typeof import("@aws-sdk/client-cloudwatch")>("cloudwatch")).CloudWatch);
export const logs = () =>
  client(
    "logs",
    async () => (await sdk<typeof import("@aws-sdk/client-cloudwatch-logs")>("cloudwatch-logs")).CloudWatchLogs,
  );
export const dlm = () => client("dlm", async () => (await sdk<typeof import("@aws-sdk/client-dlm")>("dlm")).DLM);
export const ec2 = () => client("ec2", async () => (await sdk<typeof import("@aws-sdk/client-ec2")>("ec2")).EC2);
export const iam = () => client("iam", async () => (await sdk<typeof import("@aws-sdk/client-iam")>("iam")).IAM);
export const kms = () => client("kms", async () => (await sdk<typeof import("@aws-sdk/client-kms")>("kms")).KMS);
export const resolver = () =>
  client(
    "route53resolver",
    async () => (await sdk<typeof import("@aws-sdk/client-route53resolver")>("route53resolver")).Route53Resolver,
  );
export const s3 = () => client("s3", async () => (await sdk<typeof import("@aws-sdk/client-s3")>("s3")).S3);
export const secrets = () =>
  client(
    "secretsmanager",
    async () => (await sdk<typeof import("@aws-sdk/client-secrets-manager")>("secrets-manager")).SecretsManager,
  );
export const sns = () => client("sns", async () => (await sdk<typeof import("@aws-sdk/client-sns")>("sns")).SNS);
export const sts = () => client("sts", async () => (await sdk<typeof import("@aws-sdk/client-sts")>("sts")).STS);
