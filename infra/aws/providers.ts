import { Provider } from "@pulumi/aws/provider.js";
import { Provider as CommandProvider } from "@pulumi/command/provider.js";

/** The providers of all that a stack has. */
export interface Providers {
  readonly aws: Provider;
  readonly command: CommandProvider;
}

/** Makes them. The engine starts their plugins one after another, each before it does anything else: let it begin early. */
export function providersFor(region: string): Providers {
  return { aws: new Provider("aws", { region: region as "us-east-1" }), command: new CommandProvider("command") };
}
