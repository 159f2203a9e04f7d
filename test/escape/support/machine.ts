/** The suite's view of a machine. It knows nothing of how it is reached. */
export interface Machine {
  /** How much is asked of it, and how long it may take. */
  readonly scale: Scale;
  /** Runs a command as root on the machine. */
  root(command: readonly string[], options?: RootOptions): Promise<Finished>;
  /** Runs a sealed session by the machine's own command: its options, and the command inside. */
  sealed(options: readonly string[], command: readonly string[]): Promise<Sealed>;
  /** Runs the operator's command (`cloister ARGUMENTS`) on this computer. */
  operator(args: readonly string[], options?: OperatorCall): Promise<Finished>;
}

export interface RootOptions {
  readonly stdin?: string;
  /** Default: half an hour. */
  readonly timeoutMs?: number;
}

export interface OperatorCall {
  /** Variables beside the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** True for a terminal, on which both outputs are one. Default: false. */
  readonly terminal?: boolean;
}

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The output of `cloister run --json`, as far as the suite reads it; nothing where the run was refused. */
export interface Sealed extends Finished {
  readonly run?: {
    readonly session: string;
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
  };
}

/** How large the suite's numbers are: an emulated machine, where everything takes ten times as long, gets less to do. */
export interface Scale {
  /** True where it is a container. */
  readonly container?: boolean;
  /** True where the checks that take long are left out. Default: false. */
  readonly quick?: boolean;
  /** Every choice of the suite and its fuzzer comes from this. */
  readonly seed: number;
  /** Factor for times on the machine: 1 where its processors are real, 10 where they are emulated, 40 where they are foreign. */
  readonly slowness: number;
  /** How often a supervisor is killed. */
  readonly kills: number;
  /** How many sessions are made and removed before the machine is counted. */
  readonly cycles: number;
  /** How many files a session leaves to be removed. */
  readonly files: number;
  /** How many requests a flood has. A journal of the size that distributions give it is full after some 50,000. */
  readonly requests: number;
  /** How often two writers meet in the same database. */
  readonly rounds: number;
  /** How long the fuzzer works, in seconds. */
  readonly fuzzSeconds: number;
}

/**
 * @param emulated whether the machine's processors are emulated
 * @param foreign whether they are of another architecture than this computer's, which is slower still
 */
export function scaleOf(emulated: boolean, seed: number, foreign = false): Scale {
  return {
    seed,
    slowness: foreign ? 40 : emulated ? 10 : 1,
    kills: emulated ? 4 : 20,
    cycles: emulated ? 8 : 20,
    files: emulated ? 20_000 : 100_000,
    requests: emulated ? 1_500 : 12_000,
    rounds: emulated ? 1 : 5,
    fuzzSeconds: 60,
  };
}

/** The numbers of a run that has minutes for all walls. Checks that take long are left out. */
export function quick(scale: Scale): Scale {
  return { ...scale, quick: true, kills: 1, cycles: 2, rounds: 1, fuzzSeconds: 5 };
}

/** The numbers of the issue, for a run that may take its time. */
export function thorough(scale: Scale): Scale {
  return { ...scale, kills: 100, cycles: 100, files: 100_000, requests: 60_000, rounds: 20 };
}
