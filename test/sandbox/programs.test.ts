import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import type { Layout } from "../../guest/sandbox/layout.ts";
import { readLayout } from "../../guest/sandbox/layout.ts";
import { describePrograms } from "../support/programs/matrix.ts";
import { QUICK, UNDICI } from "../support/programs/quick.ts";
import { ALLOWED, DENIED, ProgramServers } from "../support/programs/servers.ts";
import { buildRuntime, HostSession, requireSandbox } from "../support/sandbox.ts";

/** Programs as they come, through a session's proxies: docs/programs.md. The others: `npm run test:clients`. */
describe("programs in a session", () => {
  let runtime: string;
  let servers: ProgramServers;
  let session: HostSession;
  let layout: Layout;

  before(async function () {
    this.timeout(180_000);
    await requireSandbox();
    [runtime, servers, layout] = await Promise.all([buildRuntime(), ProgramServers.start(), readLayout()]);
    session = await HostSession.open({
      runtime,
      allow: [`${ALLOWED}:${servers.http}`, `${ALLOWED}:${servers.https}`],
      alsoAllow: [`127.0.0.1:${servers.http}`, `127.0.0.1:${servers.https}`],
      names: { [ALLOWED]: "127.0.0.1", [DENIED]: "127.0.0.1" },
    });
    await session.give("authority.pem", servers.authority);
    const shown = [...layout.shown, ...[runtime, UNDICI].map((path) => ({ path, kind: "folder" }) as const)];
    layout = { ...layout, shown };
  });

  after(async () => {
    await session?.close();
    await servers?.stop();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  describePrograms(QUICK, () => ({ session, servers }), { change: () => ({ layout }) });

  const asked = async (command: string, extra: Record<string, string> = {}) => {
    session.decisions.length = 0;
    const environment = session.environment({ CURL_CA_BUNDLE: `${session.home}/authority.pem`, ...extra });
    return await session.run(["bash", "-c", command], { layout, environment });
  };

  it("find the proxies in another place when --env says so, and no way out there", async () => {
    const url = `https://${ALLOWED}:${servers.https}/hello`;
    assert.equal((await asked(`curl -sS ${url}`)).stdout, "hello", "control");
    for (const value of ["", "http://127.0.0.1:1", `http://127.0.0.1:${servers.http}`]) {
      const elsewhere = { HTTPS_PROXY: value, https_proxy: value, ALL_PROXY: value, all_proxy: value };
      const { code, stdout } = await asked(`echo "$https_proxy"; curl -sS ${url}`, elsewhere);
      assert.equal(stdout, `${value}\n`);
      assert.notEqual(code, 0);
      assert.deepEqual(session.decisions, []);
    }
  });

  describe("that know no passwords", () => {
    const ask = `curl -sS -w "%{http_connect} %{http_code}\\n" -x`;

    it("are refused by the proxy itself", async () => {
      const { stdout } = await asked(`${ask} localhost:3128 http://${ALLOWED}:${servers.http}/hello`);
      assert.match(stdout, /407/);
    });

    it("reach allowed hosts, and no others, by a proxy that lasts as long as they do", async () => {
      const proxied = `${runtime}/bin/proxied run bash -c`;
      const allowed = await asked(
        `${proxied} '${ask} $http_proxy http://${ALLOWED}:${servers.http}/hello;
          ${ask} $https_proxy https://${ALLOWED}:${servers.https}/hello; echo $http_proxy; exit 7'`,
      );
      assert.match(allowed.stdout, /^hello000 200\nhello200 200\nhttp:\/\/127\.0\.0\.1:\d+\n$/, allowed.stderr);
      assert.equal(allowed.code, 7);
      const denied = await asked(
        `${proxied} '${ask} $http_proxy http://${DENIED}/; ${ask} $https_proxy https://${DENIED}/'`,
      );
      assert.match(denied.stdout, /blocked by network allowlist.*\n?000 403\n403 000\n$/s, denied.stderr);
      assert.deepEqual(
        session.decisions.map(({ via, verdict, host }) => [via, verdict, host]),
        [
          ["http", "denied", DENIED],
          ["connect", "denied", DENIED],
        ],
      );
    });
  });

  describe("that are led to a tunnel", () => {
    it("pass both ways, keep the rest when one side is closed, and are told why not", async () => {
      const request = `printf 'GET /hello HTTP/1.0\\r\\nHost: ${ALLOWED}\\r\\n\\r\\n'`;
      const allowed = await asked(`${request} | ${runtime}/bin/proxied connect ${ALLOWED} ${servers.http}`);
      assert.match(allowed.stdout, /^HTTP\/1\.1 200 .*hello$/s, allowed.stderr);
      const denied = await asked(`${runtime}/bin/proxied connect ${DENIED} 22 < /dev/null`);
      assert.equal(denied.code, 1);
      assert.match(denied.stderr, /denied\.example:22: 403 Forbidden: .*blocked by network allowlist/);
      assert.deepEqual(
        session.decisions.map(({ verdict, host, port }) => [verdict, host, port]),
        [["denied", DENIED, 22]],
      );
    });
  });
});
