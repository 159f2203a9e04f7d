import { z } from "zod";
import { allPages, type Forge, type Note, type Patience, type Request, request } from "./forge.ts";

/** A pull request on GitHub. */
export interface GitHubOptions {
  /** @default https://api.github.com */
  readonly api?: string;
  /** OWNER/NAME. */
  readonly repository: string;
  readonly pull: number;
  readonly token: string;
  /** Login of whoever the token is. @default github-actions[bot] */
  readonly self?: string;
  readonly patience?: Patience;
}

const noteSchema = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
});

/** The comments of a pull request. */
export function github(options: GitHubOptions): Forge {
  const {
    api = "https://api.github.com",
    repository,
    pull,
    token,
    self = "github-actions[bot]",
    patience = {},
  } = options;
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new Error(`${JSON.stringify(repository)}: is no OWNER/NAME`);
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${token}`,
    "user-agent": "cloister",
    "x-github-api-version": "2022-11-28",
  };
  const root = `${api.replace(/\/$/, "")}/repos/${repository}/issues`;
  const ask = (method: Request["method"], url: string, body?: object): Request => ({
    method,
    url,
    headers,
    ...(body ? { body } : {}),
  });
  const noteOf = (value: unknown): Note => {
    const { id, body, user } = noteSchema.parse(value);
    return { id, body: body ?? "", author: user?.login ?? "" };
  };
  return {
    self,
    async list() {
      const page = (number: number): Request => ask("GET", `${root}/${pull}/comments?per_page=100&page=${number}`);
      return (await allPages(page, patience)).map(noteOf);
    },
    async create(body) {
      return noteOf(await request(ask("POST", `${root}/${pull}/comments`, { body }), patience));
    },
    async edit(id, body) {
      await request(ask("PATCH", `${root}/comments/${id}`, { body }), patience);
    },
    async remove(id) {
      await request(ask("DELETE", `${root}/comments/${id}`), patience);
    },
  };
}
