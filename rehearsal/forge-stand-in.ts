/** Stands in for the part of GitHub's and GitLab's API that is about comments: over HTTP, on the loopback interface. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A comment as it lies at the forge. */
export interface Kept {
  readonly id: number;
  body: string;
  readonly author: string;
  /** Number of its pull or merge request; undefined: it shows in all. */
  readonly pull?: number | undefined;
}

/** An answer that is given once instead of the right one. */
export interface Trouble {
  readonly method: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** The forge does what it was asked all the same, and only its answer is lost. */
  readonly done?: boolean;
}

/** GitHub: characters of a body. */
const LONGEST = 65_536;

export class ForgeStandIn {
  readonly notes: Kept[] = [];
  readonly requests: string[] = [];
  /** Bodies that were ever written, as a history of edits keeps them. */
  readonly troubles: Trouble[] = [];
  longest = LONGEST;
  /** Called before each request is answered: another run may do something meanwhile. */
  meanwhile: (request: string) => Promise<void> | void = () => {};
  readonly #server: Server;
  #next = 1000;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ForgeStandIn> {
    const server = createServer();
    const forge = new ForgeStandIn(server);
    server.on("request", (request, response) => {
      forge.#answer(request).then(
        ({ status, body, headers = {} }) => {
          response.writeHead(status, { "content-type": "application/json", ...headers });
          response.end(body === undefined ? "" : JSON.stringify(body));
        },
        (error: Error) => response.writeHead(500).end(JSON.stringify({ message: error.message })),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return forge;
  }

  get api(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  add(author: string, body: string, pull?: number): Kept {
    const note = { id: this.#next++, body, author, pull };
    this.notes.push(note);
    return note;
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body?: unknown; headers?: Trouble["headers"] }> {
    const { method = "", url = "" } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const { pathname, searchParams } = new URL(url, "http://forge");
    this.requests.push(`${method} ${pathname}${searchParams.has("page") ? `?page=${searchParams.get("page")}` : ""}`);
    await this.meanwhile(`${method} ${pathname}`);
    const trouble = this.troubles.findIndex((one) => one.method === method);
    const [found] = trouble < 0 ? [] : this.troubles.splice(trouble, 1);
    if (found && !found.done)
      return { status: found.status, body: found.body ?? { message: "no" }, headers: found.headers };
    const token = request.headers.authorization ?? request.headers["private-token"];
    if (token !== "Bearer secret-token" && token !== "secret-token")
      return { status: 401, body: { message: "Bad credentials" } };
    const right = this.#do(method, pathname, searchParams, text);
    return found ? { status: found.status, body: found.body ?? { message: "no" } } : right;
  }

  #do(method: string, path: string, query: URLSearchParams, text: string): { status: number; body?: unknown } {
    const gitLab = path.includes("/merge_requests/");
    const said = ({ id, body, author }: Kept): object =>
      gitLab ? { id, body, author: { username: author } } : { id, body, user: { login: author } };
    const body = text === "" ? "" : (JSON.parse(text) as { body: string }).body;
    const pull = Number(/\/(?:issues|merge_requests)\/(\d+)\/(?:comments|notes)/.exec(path)?.[1] ?? Number.NaN);
    const id = Number(/\/(?:comments|notes)\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
    const at = this.notes.findIndex((note) => note.id === id);
    if ([...body].length > this.longest)
      return {
        status: 422,
        body: { message: `Validation Failed: body is too long (maximum is ${this.longest} characters)` },
      };
    if (method === "GET") {
      const [size, page] = [Math.min(100, Number(query.get("per_page") ?? 30)), Number(query.get("page") ?? 1)];
      const there = this.notes.filter((note) => note.pull === undefined || note.pull === pull);
      return { status: 200, body: there.slice((page - 1) * size, page * size).map(said) };
    }
    if (method === "POST") return { status: 201, body: said(this.add("bot", body, pull)) };
    if (at < 0) return { status: 404, body: { message: "Not Found" } };
    if (method === "DELETE") {
      this.notes.splice(at, 1);
      return { status: 204 };
    }
    const note = this.notes[at] as Kept;
    note.body = body;
    return { status: 200, body: said(note) };
  }
}
