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

const mergeRequestSchema = z.object({ source_project_id: z.number().nullable(), target_project_id: z.number() });

/** Tells whether a merge request comes from another project: its pipeline runs the fork's own file. */
export async function isFromFork({ mergeRequest, patience = {}, ...project }: GitLabOptions): Promise<boolean> {
  const found = await request(gitlabApi(project)("GET", `/merge_requests/${mergeRequest}`), patience);
  const { source_project_id: source, target_project_id: target } = mergeRequestSchema.parse(found);
  // The source of a fork that is gone is null.
  return source !== target;
}

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
