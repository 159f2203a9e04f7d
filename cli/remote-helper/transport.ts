import type { ExecOptions, Transport } from "../transport.ts";
import type { OpenChannel } from "./channel.ts";
import { runByRemoteHelper } from "./near-end.ts";

/** A transport over any channel. Targets differ only in how they start a remote helper and hand over a terminal. */
export class RemoteHelperTransport implements Transport {
  readonly #machine: string;
  readonly #open: OpenChannel;
  readonly #shell: () => Promise<number>;

  constructor(machine: string, way: { readonly open: OpenChannel; readonly shell: () => Promise<number> }) {
    this.#machine = machine;
    this.#open = way.open;
    this.#shell = way.shell;
  }

  exec(command: readonly string[], options: ExecOptions): Promise<number> {
    return runByRemoteHelper(this.#open, this.#machine, command, { ...options, user: options.user ?? "root" });
  }

  shell(): Promise<number> {
    return this.#shell();
  }
}
