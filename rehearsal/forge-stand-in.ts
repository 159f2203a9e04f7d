/** Stands in for the part of GitHub's and GitLab's API that is about comments and issues: over HTTP, on the loopback interface. */
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

/** An issue as it lies at the forge. */
export interface KeptIssue {
  readonly number: number;
  title: string;
  body: string;
  readonly author: string;
  state: "open" | "closed";
  readonly confidential: boolean;
  readonly isPull: boolean;
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
  readonly issues: KeptIssue[] = [];
  readonly requests: string[] = [];
  /** Open pull requests, as GitHub describes them. */
  readonly pulls: {
    readonly number: number;
    readonly label: string;
    readonly sha: string;
    readonly repository: string;
  }[] = [];
  /** Number of the project from which GitLab's merge requests come; it is 1 itself. */
  source = 1;
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

  addIssue(author: string, issue: Partial<KeptIssue>): KeptIssue {
    const number = this.issues.length + 1;
    const made = { title: "", body: "", state: "open" as const, confidential: false, isPull: false, ...issue };
    const kept: KeptIssue = { ...made, number, author };
    this.issues.push(kept);
    return kept;
  }

  /** GitHub's and GitLab's issues. Both list the newest first, and may be asked for one author's. */
  #issue(method: string, path: string, query: URLSearchParams, text: string): { status: number; body?: unknown } {
    const gitLab = path.startsWith("/projects/");
    const said = (one: KeptIssue): object => {
      const { number, title, body, author, state, isPull } = one;
      return gitLab
        ? {
            iid: number,
            title,
            description: body,
            author: { username: author },
            state: state === "open" ? "opened" : state,
          }
        : { number, title, body, user: { login: author }, state, ...(isPull ? { pull_request: {} } : {}) };
    };
    const asked = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    const body = asked[gitLab ? "description" : "body"] as string | undefined;
    if ([...(body ?? "")].length > this.longest)
      return { status: 422, body: { message: `body is too long (maximum is ${this.longest} characters)` } };
    if (method === "GET") {
      const [size, page] = [Math.min(100, Number(query.get("per_page") ?? 30)), Number(query.get("page") ?? 1)];
      const by = query.get(gitLab ? "author_username" : "creator");
      // GitHub lists open ones only unless it is asked for all.
      const isAll = gitLab || query.get("state") === "all";
      const all = this.issues.filter((one) => (by === null || one.author === by) && (isAll || one.state === "open"));
      return {
        status: 200,
        body: all
          .reverse()
          .slice((page - 1) * size, page * size)
          .map(said),
      };
    }
    const title = asked["title"] as string | undefined;
    if (method === "POST") {
      if (!title) return { status: 422, body: { message: "Validation Failed: title is missing" } };
      const confidential = asked["confidential"] === true;
      return { status: 201, body: said(this.addIssue("bot", { title, body: body ?? "", confidential })) };
    }
    const number = Number(/\/issues\/(\d+)$/.exec(path)?.[1]);
    const found = this.issues.find((one) => one.number === number);
    if (!found || method !== (gitLab ? "PUT" : "PATCH")) return { status: 404, body: { message: "Not Found" } };
    found.title = title ?? found.title;
    found.body = body ?? found.body;
    const wanted = asked[gitLab ? "state_event" : "state"];
    if (wanted === "closed" || wanted === "close") found.state = "closed";
    if (wanted === "open" || wanted === "reopen") found.state = "open";
    return { status: 200, body: said(found) };
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
    const isIssue = /\/issues(?:\/\d+)?$/.test(pathname);
    const right = isIssue
      ? this.#issue(method, pathname, searchParams, text)
      : this.#do(method, pathname, searchParams, text);
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
    if (method === "GET" && path.endsWith("/pulls")) {
      const of = this.pulls.filter(({ label }) => label === query.get("head"));
      return {
        status: 200,
        body: of.map(({ number, label, sha, repository }) => ({
          number,
          head: { label, sha },
          base: { repo: { full_name: repository } },
        })),
      };
    }
    if (method === "GET" && /\/merge_requests\/\d+$/.test(path))
      return { status: 200, body: { source_project_id: this.source, target_project_id: 1 } };
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
