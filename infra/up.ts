import type { ProviderResource } from "@pulumi/pulumi";
import type { AwsOutputs, ContainerOutputs, LocalOutputs } from "../contract/outputs.ts";
import type { PendingFacts } from "./pending.ts";
import type { Problem } from "./settings/settings.ts";

/** The stack that is brought up. */
export interface UpContext {
  /** Root of the project, absolute. */
  readonly project: string;
  readonly stack: string;
  /** Ends the program with these problems, where there are some. */
  readonly refuse: (problems: readonly Problem[]) => void;
  /** What was registered before the program was loaded, in a preview on AWS. @default nothing */
  readonly early?: { readonly command?: ProviderResource | undefined };
}

/** Outputs of a stack. */
export type Outputs = PendingFacts<LocalOutputs> | PendingFacts<ContainerOutputs> | PendingFacts<AwsOutputs>;
