/** The used part of the output of guest/seal's `probe`. */
export interface Outcome {
  readonly ok: boolean;
  /** Name of the error number when it was refused. */
  readonly errno?: string;
}

export interface ProbeReport {
  readonly status?: Readonly<Record<string, string>>;
  readonly namespaces?: Readonly<Record<string, string>>;
  /** Connections to UNIX sockets. Either the making of the socket or the connection may fail. */
  readonly unix?: readonly (Outcome & { readonly target: string })[];
  readonly processes?: readonly { readonly pid: number; readonly comm: string; readonly cmdline: readonly string[] }[];
  readonly identity?: {
    readonly uid: number;
    readonly gid: number;
    readonly hostname: string;
    readonly cwd: string;
    readonly home: string;
  };
  readonly environment?: Readonly<Record<string, string>>;
  readonly routes?: { readonly routes: readonly string[]; readonly interfaces: readonly string[] };
  readonly shm?: Readonly<Record<string, readonly string[]>>;
  readonly connect?: readonly (Outcome & { readonly target: string })[];
  readonly dns?: readonly { readonly name: string; readonly ok: boolean }[];
  readonly http?: readonly {
    readonly url: string;
    readonly status?: number;
    readonly tag?: string;
    readonly body?: string;
    readonly error?: string;
  }[];
  readonly socks?: readonly { readonly target: string; readonly reply?: number; readonly error?: string }[];
  readonly file?: readonly (Outcome & { readonly path: string; readonly entries?: readonly string[] })[];
  /** A file that was made, and removed again. */
  readonly write?: readonly { readonly path: string; readonly made: Outcome; readonly removed?: Outcome }[];
  /** Files of somebody else that were to be removed. */
  readonly remove?: readonly (Outcome & { readonly path: string })[];
}

/** Parses what one run of the probe printed. */
export function parseProbe(text: string): ProbeReport {
  try {
    return JSON.parse(text) as ProbeReport;
  } catch {
    throw new Error(`the probe printed no report: ${JSON.stringify(text.slice(0, 300))}`);
  }
}
