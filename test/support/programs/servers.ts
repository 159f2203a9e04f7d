import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { execa } from "execa";

/** The name that sessions may reach, and the name that leads to the same servers and is not on the allow list. */
export const ALLOWED = "files.example";
export const DENIED = "denied.example";

/** What every server answers with, or has in its package. */
export const MARK = "hello";

/** Files whose `@BASE@` stands for the server's own address. */
const TEMPLATES = new Set(["/npm/mark", "/cargo/config.json"]);

/** Servers on this computer's loopback: files and package registries, by HTTP and by HTTPS. */
export class ProgramServers {
  readonly folder: string;
  readonly http: number;
  readonly https: number;
  readonly #servers: readonly Server[];

  private constructor(folder: string, servers: readonly Server[]) {
    this.folder = folder;
    this.#servers = servers;
    [this.http = 0, this.https = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  }

  static async start(): Promise<ProgramServers> {
    const folder = await mkdtemp(join(tmpdir(), "cloister-programs-"));
    await chmod(folder, 0o755);
    const files = join(folder, "www");
    await Promise.all([
      certify(folder),
      execa("python3", [join(import.meta.dirname, "fixture.py"), files]),
      makeRepository(join(folder, "repository")),
    ]);
    await mkdir(join(files, "git"), { recursive: true });
    await execa("git", ["clone", "-q", "--bare", join(folder, "repository"), join(files, "git/mark.git")]);
    await execa("git", ["update-server-info"], { cwd: join(files, "git/mark.git") });
    const listener = (request: IncomingMessage, response: ServerResponse) => void serve(files, request, response);
    const [key, cert] = await Promise.all(["key.pem", "cert.pem"].map((name) => readFile(join(folder, name))));
    const servers = [createServer(listener), createTlsServer({ key, cert }, listener)];
    // Node's server would answer nobody who has said that he sends no more.
    for (const server of servers) Object.assign(server, { httpAllowHalfOpen: true });
    await Promise.all(servers.map((server) => once(server.listen(0, "127.0.0.1"), "listening")));
    return new ProgramServers(folder, servers);
  }

  /** The certificate of the authority that the servers' own certificate is from. */
  get authority(): string {
    return join(this.folder, "authority.pem");
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function serve(files: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const encrypted = "encrypted" in request.socket;
  const { pathname } = new URL(request.url ?? "/", "http://server");
  const path = join(files, normalize(decodeURIComponent(pathname)), pathname.endsWith("/") ? "index.html" : "");
  const content = await readFile(path).catch(() => undefined);
  if (content === undefined) return void response.writeHead(404).end();
  const type = pathname.endsWith("/") ? { "content-type": "text/html" } : {};
  if (!TEMPLATES.has(pathname)) return void response.writeHead(200, type).end(content);
  const base = `${encrypted ? "https" : "http"}://${request.headers.host}`;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(content.toString().replaceAll("@BASE@", base));
}

/** Makes an authority and a certificate of its for both names. Java and Go ask for more than a self-signed one. */
async function certify(folder: string): Promise<void> {
  const openssl = (...args: string[]) => execa("openssl", args, { cwd: folder });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    ...["req", "-x509", ...curve, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2"],
    ...["-subj", "/CN=authority of the tests", "-addext", "keyUsage=critical,keyCertSign"],
  );
  await openssl("req", ...curve, "-keyout", "key.pem", "-out", "request.pem", "-subj", `/CN=${ALLOWED}`);
  await writeFile(join(folder, "names"), `subjectAltName=DNS:${ALLOWED},DNS:${DENIED}\n`);
  await openssl(
    ...["x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"],
    ...["-out", "cert.pem", "-days", "2", "-extfile", "names"],
  );
}

async function makeRepository(folder: string): Promise<void> {
  await mkdir(folder);
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=tests", "-c", "user.email=tests@files.example", ...args], { cwd: folder });
  await git("init", "-q", "-b", "main");
  await writeFile(join(folder, "mark"), MARK);
  await git("add", "mark");
  await git("commit", "-q", "-m", "mark");
}
