import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { CONTAINER_MACHINE as CONTAINER } from "../../contract/machine.ts";
import type { OperatorContainerOutputs } from "../../contract/outputs.ts";
import { RUN } from "../../contract/run-files.ts";
import { type Engine, engine, findEngine } from "../../infra/container/engine.ts";
import { OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import type { ExecOptions, Transport } from "../transport.ts";

/** The container of a stack, as its machine. The engine tells whether it runs, the stack's outputs tell the rest. */
export function containerFleet(stack: string, outputs: OperatorContainerOutputs): Fleet {
  const up = `Bring it up again: npm run -s pulumi -- up --stack ${stack}`;
  return {
    async machines(name = CONTAINER) {
      if (name !== CONTAINER) return [];
      const host = await findEngine(outputs.engine).catch((error: Error) => error);
      const state = host instanceof Error ? "unknown" : await stateOf(host, outputs.container);
      return [containerStatus(outputs, state, host instanceof Error ? host.message : up)];
    },
    async connect() {
      return new ContainerTransport(await findEngine(outputs.engine), outputs.container);
    },
  };
}

/** Describes the container as a machine of its stack. */
export function containerStatus(outputs: OperatorContainerOutputs, state: string, help: string): MachineStatus {
  const { ok, rows, kept, differs } = outputs.verification;
  const running = state === "running";
  const by = `at its start: ${kept} of ${rows} rows ok${differs.length > 0 ? `, ${differs.join(" and ")} differ` : ""}`;
  return {
    name: CONTAINER,
    state,
    template: `image ${outputs.image.split(":").at(-1)}`,
    verification: running ? { verdict: ok ? "passed" : "failed", by } : { verdict: "unknown", by: "it does not run" },
    remarks: [`${outputs.container} of ${outputs.engine}`],
    ...(running ? {} : { help }),
  };
}

async function stateOf(host: Engine, name: string): Promise<string> {
  const asked = await engine(host, ["container", "inspect", "--format", "{{.State.Status}}", name], {
    reject: false,
    stdin: "ignore",
  });
  return asked.failed ? "gone" : String(asked.stdout).trim();
}

/** Stays the command's parent and notes its number: an engine passes no signal on to what `exec` started. */
const NOTED = 'echo $$ >"$1"; shift; exec "$@"';

/** The way into a container: the engine's `exec`. All of its commands are its one user's. */
class ContainerTransport implements Transport {
  readonly copyEnd = ["/opt/cloister/bin/node", "/opt/cloister/lib/copy.mjs"] as const;
  readonly #host: Engine;
  readonly #name: string;

  constructor(host: Engine, name: string) {
    this.#host = host;
    this.#name = name;
  }

  async exec(command: readonly string[], options: ExecOptions): Promise<number> {
    if (command[0] === "python3") {
      throw new OperatorError(
        "folders are not kept in step with a container: its folders are this computer's own (cloister:folders)",
      );
    }
    const { environment = {}, tty = false, until } = options;
    until?.throwIfAborted();
    const note = `${RUN}/exec-${randomBytes(8).toString("hex")}`;
    const child = execa(
      this.#host.program,
      [
        "exec",
        "--interactive",
        ...(tty ? ["--tty"] : []),
        // The engine takes the values from its own environment, so that they are in no command line.
        ...Object.keys(environment).map((name) => `--env=${name}`),
        ...[this.#name, "/bin/bash", "-c", NOTED, "cloister", note, ...command],
      ],
      {
        env: { ...this.#host.env, ...environment },
        ...(tty
          ? { stdio: "inherit" as const }
          : {
              // Not the stream itself: execa takes only those that have a descriptor.
              stdin: options.stdin === undefined ? ("ignore" as const) : ("pipe" as const),
              stdout: "pipe" as const,
              stderr: "pipe" as const,
              buffer: false,
            }),
        reject: false,
        // A Ctrl-C reaches the command by `tell`.
        detached: !tty,
        ...(until === undefined ? {} : { cancelSignal: until }),
      },
    );
    if (options.stdin !== undefined && child.stdin) {
      // A command may end before it has read all: its exit code says why.
      child.stdin.on("error", () => {});
      options.stdin.pipe(child.stdin);
    }
    child.stdout?.pipe(options.stdout, { end: false });
    child.stderr?.pipe(options.stderr, { end: false });
    const tell = (signal: NodeJS.Signals) => void this.#signal(note, signal);
    const signals = options.signals ? (["SIGINT", "SIGTERM", "SIGHUP"] as const) : [];
    for (const signal of signals) process.on(signal, tell);
    // The engine's client ends by itself then; what it started inside does not.
    let ended: Promise<void> | undefined;
    const end = () => {
      ended = this.#signal(note, "SIGTERM");
    };
    until?.addEventListener("abort", end);
    try {
      const { exitCode } = await child;
      until?.throwIfAborted();
      return exitCode ?? 125;
    } finally {
      until?.removeEventListener("abort", end);
      for (const signal of signals) process.off(signal, tell);
      // The note says whom to signal.
      await ended;
      await this.#inside(["rm", "-f", note]);
    }
  }

  async shell(): Promise<number> {
    const tty = process.stdin.isTTY === true;
    const { exitCode } = await execa(
      this.#host.program,
      ["exec", "--interactive", ...(tty ? ["--tty"] : []), this.#name, "/bin/bash"],
      { env: this.#host.env, stdio: "inherit", reject: false },
    );
    return exitCode ?? 125;
  }

  async #signal(note: string, signal: NodeJS.Signals): Promise<void> {
    await this.#inside(["/bin/bash", "-c", `kill -${signal.slice(3)} "$(cat "$1")"`, "cloister", note]);
  }

  async #inside(command: readonly string[]): Promise<void> {
    await engine(this.#host, ["exec", this.#name, ...command], { reject: false, stdin: "ignore" });
  }
}
