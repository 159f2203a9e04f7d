import { randomUUID } from "node:crypto";
import type { CheckResult, CreateResult, DiffResult, Provider, ReadResult } from "@pulumi/pulumi/provider/provider.js";
import { livingProcess } from "../local/host/living.ts";
import { pathsIn } from "../local/paths.ts";
import { POWER_STATE_TYPE } from "./type.ts";

/** Inputs and state of the resource. */
interface PowerState {
  /** Folder of the machine's state. */
  readonly root: string;
}

/**
 * Provider of `cloister:local:PowerState`: exists while the machine runs. The provider `command`, which starts and stops
 * machines, never looks at them again; this one does, so that
 *
 * - `pulumi refresh` drops the resource when the machine has died, and
 * - `pulumi preview` and `up` replace it then; what starts the machine depends on its id and starts it again.
 */
export class PowerStateProvider implements Provider {
  readonly version = "0.1.0";
  private readonly alive: (root: string) => boolean;

  constructor(alive: (root: string) => boolean = (root) => livingProcess(pathsIn(root)) !== undefined) {
    this.alive = alive;
  }

  async check(urn: string, _olds: unknown, news: PowerState): Promise<CheckResult> {
    if (!urn.includes(`${POWER_STATE_TYPE}::`))
      throw new Error(`${urn}: the plugin cloister knows only ${POWER_STATE_TYPE}`);
    if (typeof news.root !== "string" || news.root === "") {
      return { inputs: news, failures: [{ property: "root", reason: "must be the folder of a machine's state" }] };
    }
    return { inputs: news };
  }

  async create(_urn: string, inputs: PowerState): Promise<CreateResult> {
    return { id: randomUUID(), outs: { root: inputs.root } };
  }

  async diff(_id: string, _urn: string, olds: PowerState, news: PowerState): Promise<DiffResult> {
    const moved = olds.root !== news.root;
    const died = !moved && !this.alive(olds.root);
    return { changes: moved || died, replaces: moved || died ? ["root"] : [] };
  }

  async read(id: string, _urn: string, props: PowerState): Promise<ReadResult> {
    return this.alive(props.root) ? { id, props } : { id: "", props: undefined };
  }

  async update(): Promise<never> {
    throw new Error(`${POWER_STATE_TYPE} is never updated in place`);
  }

  async delete(): Promise<void> {}
}
