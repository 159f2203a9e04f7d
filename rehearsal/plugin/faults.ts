/**
 * Faults that AWS has now and then, by a plan (rehearsal/plan.ts), and the retries of the real provider. The plan is a file,
 * since each command of the engine has a plugin of its own; what of it has happened is written there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import pRetry, { AbortError } from "p-retry";
import { timeScale } from "./time.ts";

/** One fault: an operation fails this many times, and then no more. */
export interface Fault {
  /** Prefix in IAM, and operation: `ec2:RunInstances`. */
  readonly operation: string;
  /** AWS's error. */
  readonly code: string;
  readonly message: string;
  readonly times: number;
  /** Calls that go through before it begins. */
  readonly after: number;
}

/** A fault with what has come of it. */
export interface Counted extends Fault {
  readonly passed: number;
  readonly happened: number;
}

/** Errors that the provider does not hand on at once. */
interface Retried {
  readonly operation: RegExp;
  readonly code: RegExp;
  readonly message?: RegExp;
  readonly attempts: number;
  /** Between two attempts the provider ends the instance refresh that runs. */
  readonly cancelsRefresh?: true;
}

/**
 * The SDK makes 25 attempts (`max_retries`) at throttling; other waits of the provider are by time, and stand here as attempts
 * at ten seconds each. Sources below `internal/service` of hashicorp/terraform-provider-aws.
 */
export const RETRIED: readonly Retried[] = [
  { operation: /./, code: /^(Throttling|ThrottlingException|RequestLimitExceeded)$/, attempts: 25 },
  // ec2/service_package.go
  { operation: /^ec2:RunInstances$/, code: /^InsufficientInstanceCapacity$/, attempts: 25 },
  // ec2/ec2_instance.go, autoscaling/group.go: two minutes for what IAM has not spread yet.
  {
    operation: /^(ec2:RunInstances|autoscaling:CreateAutoScalingGroup)$/,
    code: /^(InvalidParameterValue|ValidationError)$/,
    message: /Invalid IAM Instance Profile/,
    attempts: 12,
  },
  // ec2/vpc_subnet.go, vpc_security_group.go, vpc_internet_gateway.go, vpc_.go: by the timeout of deletion.
  {
    operation: /^ec2:(DeleteSubnet|DeleteSecurityGroup|DetachInternetGateway|DeleteVpc)$/,
    code: /^DependencyViolation$/,
    attempts: 90,
  },
  // autoscaling/group.go: fifteen minutes.
  {
    operation: /^autoscaling:StartInstanceRefresh$/,
    code: /^InstanceRefreshInProgress$/,
    attempts: 90,
    cancelsRefresh: true,
  },
];

/** Time between two attempts, in seconds of AWS. */
const EVERY_SECONDS = 10;

/** An error as AWS's SDK throws it. */
class AwsError extends Error {
  constructor(code: string, message: string) {
    super(message);
    this.name = code;
  }
}

const file = (): string | undefined => process.env["CLOISTER_FAULTS"];

/** Fails a call that the plan wants to fail. */
function meet(operation: string): void {
  const path = file();
  if (!path) return;
  const plan = JSON.parse(readFileSync(path, "utf8")) as Counted[];
  const at = plan.findIndex((one) => one.operation === operation && one.happened < one.times);
  const fault = plan[at];
  if (!fault) return;
  const waits = fault.passed < fault.after;
  plan[at] = waits ? { ...fault, passed: fault.passed + 1 } : { ...fault, happened: fault.happened + 1 };
  writeFileSync(path, JSON.stringify(plan));
  if (!waits) throw new AwsError(fault.code, fault.message);
}

const retriedBy = (operation: string, { name, message }: Error): Retried | undefined =>
  RETRIED.find(
    (one) =>
      one.operation.test(operation) && one.code.test(name) && (one.message === undefined || one.message.test(message)),
  );

/**
 * Makes a call as the provider does: what it retries is retried, as often as it does that, and everything else is thrown.
 *
 * @param cancelRefresh ends the instance refresh that runs
 */
export async function withFaults<T>(
  operation: string,
  call: () => Promise<T>,
  cancelRefresh: () => Promise<unknown>,
): Promise<T> {
  if (!file()) return await call();
  let failed = 0;
  return await pRetry(
    async () => {
      try {
        meet(operation);
        return await call();
      } catch (error) {
        failed += 1;
        const rule = retriedBy(operation, error as Error);
        if (!rule || failed >= rule.attempts) throw new AbortError(error as Error);
        if (rule.cancelsRefresh) await cancelRefresh();
        throw error;
      }
    },
    { retries: 1000, factor: 1, minTimeout: EVERY_SECONDS * timeScale() * 1000, maxTimeout: 1000 },
  );
}
