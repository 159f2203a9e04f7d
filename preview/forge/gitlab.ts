import { z } from "zod";
import { type GitLabProject, gitlabApi } from "./api.ts";
import { allPages, type Forge, type Note, type Patience, request } from "./forge.ts";

/** A merge request on GitLab. */
export interface GitLabOptions extends GitLabProject {
  readonly mergeRequest: number;
  /** User name of whoever the token is. */
  readonly self: string;
  readonly patience?: Patience;
}

const noteSchema = z.object({ id: z.number(), body: z.string(), author: z.object({ username: z.string() }) });

/** The notes of a merge request. */
export function gitlab({ mergeRequest, self, patience = {}, ...project }: GitLabOptions): Forge {
  const ask = gitlabApi(project);
  const notes = `/merge_requests/${mergeRequest}/notes`;
  const noteOf = (value: unknown): Note => {
    const { id, body, author } = noteSchema.parse(value);
    return { id, body, author: author.username };
  };
  return {
    self,
    async list() {
      return (await allPages((page) => ask("GET", `${notes}?per_page=100&page=${page}`), patience)).map(noteOf);
    },
    async create(body) {
      return noteOf(await request(ask("POST", notes, { body }), patience));
    },
    async edit(id, body) {
      await request(ask("PUT", `${notes}/${id}`, { body }), patience);
    },
    async remove(id) {
      await request(ask("DELETE", `${notes}/${id}`), patience);
    },
  };
}
