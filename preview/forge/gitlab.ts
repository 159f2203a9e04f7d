import { z } from "zod";
import { allPages, type Forge, type Note, type Patience, type Request, request } from "./forge.ts";

/** A merge request on GitLab. */
export interface GitLabOptions {
  /** Such as https://gitlab.com/api/v4. */
  readonly api: string;
  /** Number or path. */
  readonly project: string;
  readonly mergeRequest: number;
  /** A project's access token with `api`: the job's own token cannot write notes. */
  readonly token: string;
  /** User name of whoever the token is. */
  readonly self: string;
  readonly patience?: Patience;
}

const noteSchema = z.object({ id: z.number(), body: z.string(), author: z.object({ username: z.string() }) });

/** The notes of a merge request. */
export function gitlab({ api, project, mergeRequest, token, self, patience = {} }: GitLabOptions): Forge {
  const root = `${api.replace(/\/$/, "")}/projects/${encodeURIComponent(project)}/merge_requests/${mergeRequest}/notes`;
  const ask = (method: Request["method"], path: string, body?: object): Request => ({
    method,
    url: `${root}${path}`,
    headers: { "private-token": token, "user-agent": "cloister" },
    ...(body ? { body } : {}),
  });
  const noteOf = (value: unknown): Note => {
    const { id, body, author } = noteSchema.parse(value);
    return { id, body, author: author.username };
  };
  return {
    self,
    async list() {
      return (await allPages((page) => ask("GET", `?per_page=100&page=${page}`), patience)).map(noteOf);
    },
    async create(body) {
      return noteOf(await request(ask("POST", "", { body }), patience));
    },
    async edit(id, body) {
      await request(ask("PUT", `/${id}`, { body }), patience);
    },
    async remove(id) {
      await request(ask("DELETE", `/${id}`), patience);
    },
  };
}
