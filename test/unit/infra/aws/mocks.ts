/* biome-ignore-all lint/suspicious/noExplicitAny: inputs of any resource */
import * as pulumi from "@pulumi/pulumi";

/** The resources that a program registered. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, any>>;
}

/** Records all resources of a program. Invokes that it does not know fail. In a preview nothing computed is known. */
export function recordResources(preview = false): Registered[] {
  const resources: Registered[] = [];
  const computed = (type: string, name: string): Record<string, unknown> => ({
    arn: `arn:aws:${type.split(":")[1]?.split("/")[0]}:eu-central-1:123456789012:${name}`,
    latestVersion: 7,
    keyId: "11111111-2222-3333-4444-555555555555",
    // Nobody confirms the mail to this one.
    ...(type === "aws:sns/topicSubscription:TopicSubscription"
      ? { pendingConfirmation: name.startsWith("silent") }
      : {}),
    ...(type === "aws:s3/bucket:Bucket" ? { bucket: `${name}-0123456` } : {}),
  });
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs });
        const state = { name, ...(preview ? {} : computed(type, name)), ...inputs };
        return { id: preview && !type.startsWith("cloister:") ? undefined : `${name}-id`, state };
      },
      call: ({ token }) => {
        if (token === "aws:index/getCallerIdentity:getCallerIdentity")
          return { accountId: "123456789012", arn: "arn:aws:iam::123456789012:user/someone", id: "1", userId: "A" };
        if (token === "aws:ec2/getPrefixList:getPrefixList") return { id: "pl-0123", cidrBlocks: [], name: "s3" };
        throw new Error(`the mock does not know the invoke ${token}`);
      },
    },
    "cloister",
    "dev",
    preview,
  );
  return resources;
}

/** Waits until everything that was registered has its inputs. */
export async function settled(resources: readonly Registered[]): Promise<void> {
  let seen = -1;
  while (seen !== resources.length) {
    seen = resources.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}
