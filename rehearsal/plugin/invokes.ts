/** The functions of the provider that the program calls. */
import { z } from "zod";
import { ec2, sts } from "./clients.ts";
import type { Props } from "./resource.ts";

interface Invoke {
  readonly inputs: z.ZodType<Props>;
  call(inputs: Props): Promise<Props>;
}

export const INVOKES: Readonly<Record<string, Invoke>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": {
    inputs: z.strictObject({}),
    async call() {
      const { Account, Arn, UserId } = await (await sts()).getCallerIdentity({});
      return { accountId: Account, arn: Arn, id: Account, userId: UserId };
    },
  },
  "aws:ec2/getPrefixList:getPrefixList": {
    inputs: z.strictObject({ name: z.string() }),
    async call({ name }) {
      const { PrefixLists } = await (await ec2()).describePrefixLists({
        Filters: [{ Name: "prefix-list-name", Values: [String(name)] }],
      });
      const found = PrefixLists?.[0];
      if (!found) throw new Error(`no prefix list ${name}`);
      return { id: found.PrefixListId, name: found.PrefixListName, cidrBlocks: found.Cidrs ?? [] };
    },
  },
};
