import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import * as pulumi from "@pulumi/pulumi";
import type { Tags } from "../tags.ts";

/** Arguments of {@link Logs}. */
export interface LogsArgs {
  /** First part of the groups' names, such as `/cloister/prod`. Pulumi adds seven random digits to each name. */
  readonly prefix: string;
  readonly retentionDays: number;
  readonly keyArn: pulumi.Input<string>;
  readonly tags?: Tags;
}

/** Log groups: what machines say, what sessions were allowed and refused, what crossed the network. */
export class Logs extends pulumi.ComponentResource {
  readonly system: LogGroup;
  readonly audit: LogGroup;
  readonly flow: LogGroup;

  constructor(name: string, args: LogsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Logs", name, {}, opts);
    const { prefix, retentionDays, keyArn } = args;
    const group = (part: string): LogGroup =>
      // No name of its own: a group that outlives its stack would be in the way of the next stack of that name.
      new LogGroup(
        `${prefix}/${part}`,
        { retentionInDays: retentionDays, kmsKeyId: keyArn, tags: { ...args.tags } },
        { parent: this },
      );
    this.system = group("system");
    this.audit = group("audit");
    this.flow = group("flow");
    this.registerOutputs({ system: this.system.name, audit: this.audit.name, flow: this.flow.name });
  }
}
