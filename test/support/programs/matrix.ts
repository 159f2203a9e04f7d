import assert from "node:assert/strict";
import { NO_TOKEN } from "../../../guest/egress/decision.ts";
import type { HostSession } from "../sandbox.ts";
import { ALLOWED, DENIED, MARK, type ProgramServers } from "./servers.ts";

/** What a program is asked for, at one host. */
export interface Target {
  readonly host: string;
  /** `http://HOST:PORT` and `https://HOST:PORT`. */
  readonly http: string;
  readonly https: string;
}

/** One program as a session uses it. */
export interface Program {
  readonly name: string;
  /** Text of bash, in an empty folder. It prints what the host answered. */
  readonly script: (target: Target) => string;
  /** What the program itself is told, as `--env` would. It is given the session's own environment. */
  readonly environment?: (own: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  /** Time for one try, in seconds. Default: 20. */
  readonly seconds?: number;
  /** The reason why this computer cannot try it. */
  readonly missing?: () => string | undefined;
}

export interface Matrix {
  readonly session: HostSession;
  readonly servers: ProgramServers;
}

/** Variables that name an authority, each for some of the programs. */
export function trusting(authority: string): Record<string, string> {
  const names = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"];
  const more = ["PIP_CERT", "CARGO_HTTP_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"];
  return Object.fromEntries([...names, ...more].map((name) => [name, authority]));
}

/** Describes for each program: it reaches an allowed host, and is refused another, which a row says. */
export function describePrograms(
  programs: readonly Program[],
  matrix: () => Matrix,
  more: { readonly change?: () => Parameters<HostSession["run"]>[1] } = {},
): void {
  for (const program of programs) {
    it(`${program.name}: reaches an allowed host, and no other`, async function () {
      const why = program.missing?.();
      if (why !== undefined) {
        process.stdout.write(`      not tried: ${why}\n`);
        this.skip();
      }
      this.timeout((program.seconds ?? 20) * 2_000 + 10_000);
      const { session, servers } = matrix();
      const run = async (host: string) => {
        session.decisions.length = 0;
        const target = { host, http: `http://${host}:${servers.http}`, https: `https://${host}:${servers.https}` };
        const finished = await session.run(
          ["timeout", String(program.seconds ?? 20), "bash", "-c", `cd "$(mktemp -d)" && ${program.script(target)}`],
          {
            ...more.change?.(),
            environment: session.environment({
              ...trusting(`${session.home}/authority.pem`),
              ...program.environment?.(session.environment()),
            }),
          },
        );
        // Java asks without the password first.
        const rows = session.decisions.filter((row) => row.host === host && row.reason !== NO_TOKEN);
        return { ...finished, rows };
      };
      const allowed = await run(ALLOWED);
      assert.match(allowed.stdout, new RegExp(MARK), `${allowed.code}: ${allowed.stderr}\n${allowed.stdout}`);
      assert.ok(allowed.rows.length > 0 && allowed.rows.every(({ verdict }) => verdict === "allowed"), "allowed rows");
      const denied = await run(DENIED);
      assert.doesNotMatch(denied.stdout, new RegExp(MARK));
      assert.ok(denied.rows.length > 0 && denied.rows.every(({ verdict }) => verdict === "denied"), "denied rows");
      assert.notEqual(denied.code, 0, "a refusal is a failure");
    });
  }
}
