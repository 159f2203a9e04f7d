import * as pulumi from "@pulumi/pulumi";
import { POWER_STATE_TYPE } from "../provider/type.ts";

/**
 * Exists while the machine runs; its id changes with every start. Served by the project's own plugin
 * (`infra/provider`), which looks for the machine's process.
 */
export class PowerState extends pulumi.CustomResource {
  constructor(name: string, args: { root: pulumi.Input<string> }, opts?: pulumi.CustomResourceOptions) {
    super(POWER_STATE_TYPE, name, { ...args }, opts);
  }
}
