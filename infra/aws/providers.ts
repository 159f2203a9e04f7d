import { Provider } from "@pulumi/aws/provider.js";
import { Provider as CommandProvider } from "@pulumi/command/provider.js";
import type { ProviderResource } from "@pulumi/pulumi";
import type { Settings } from "../settings/settings.ts";

/** The providers of all that a stack has. */
export interface Providers {
  readonly aws: Provider;
  readonly command: ProviderResource;
}

/**
 * Makes them. The engine starts their plugins one after another, each before it does anything else: let it begin early.
 * With an account pinned, the provider refuses credentials for another one before it reads or makes anything.
 *
 * @param command the one of them that is there already (early.cjs)
 */
export function providersFor(
  { region, accountId }: Pick<Settings, "region" | "accountId">,
  command?: ProviderResource,
): Providers {
  const pinned = accountId === "" ? {} : { allowedAccountIds: [accountId] };
  return {
    aws: new Provider("aws", { region: region as "us-east-1", ...pinned }),
    command: command ?? new CommandProvider("command"),
  };
}
