import { rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Layout, readLayout } from "../../guest/sandbox/layout.ts";
import { describePrograms } from "../support/programs/matrix.ts";
import { ALLOWED, DENIED, ProgramServers } from "../support/programs/servers.ts";
import { buildRuntime, HostSession, requireSandbox } from "../support/sandbox.ts";
import { type Clients, ensureClients } from "./cache.ts";
import { programs } from "./programs.ts";
import { type OtherServers, startOthers } from "./servers.ts";

/** The rest of docs/programs.md, by real programs: `npm run test:clients`. */
describe("clients in a session", () => {
  let clients: Clients;
  let runtime: string;
  let servers: ProgramServers;
  let others: OtherServers;
  let session: HostSession;
  let layout: Layout;
  const home = (name: string) => join(session.home, name);

  before(async function () {
    this.timeout(900_000);
    await requireSandbox();
    clients = await ensureClients((line) => process.stdout.write(`      ${line}\n`));
    [runtime, servers, layout] = await Promise.all([buildRuntime(), ProgramServers.start(), readLayout()]);
    others = await startOthers(clients, servers.folder);
    session = await HostSession.open({
      runtime,
      allow: [ALLOWED],
      alsoAllow: ["127.0.0.1"],
      names: { [ALLOWED]: "127.0.0.1", [DENIED]: "127.0.0.1" },
    });
    const trust = join(servers.folder, "trust.p12");
    const imported = ["-importcert", "-noprompt", "-alias", "tests", "-file", servers.authority, "-keystore", trust];
    await execa("keytool", [...imported, "-storetype", "PKCS12", "-storepass", "changeit"]);
    await Promise.all([
      session.give("authority.pem", servers.authority),
      session.give("trust.p12", trust),
      session.give("key", join(servers.folder, "user")),
    ]);
    const shown = [...layout.shown, ...[runtime, clients.folder].map((path) => ({ path, kind: "folder" }) as const)];
    layout = { ...layout, shown };
  });

  after(async () => {
    others?.stop();
    await session?.close();
    await servers?.stop();
    await clients?.remove();
    if (runtime !== undefined) await rm(runtime, { recursive: true, force: true });
  });

  const needs = () => ({
    clients,
    others,
    key: home("key"),
    repository: join(servers.folder, "repository"),
    trust: home("trust.p12"),
  });

  describePrograms(
    programs(needs).map((program) => ({
      ...program,
      environment: (own) => ({ PROXIED: `${runtime}/bin/proxied`, ...program.environment?.(own) }),
    })),
    () => ({ session, servers }),
    { change: () => ({ layout }) },
  );
});
