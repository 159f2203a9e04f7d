import { z } from "zod";
import { GITHUB_JOBS, type GitHubProject, githubApi } from "./api.ts";
import { allPages, type Forge, type Note, type Patience, type Request, request } from "./forge.ts";

/** A pull request on GitHub. */
export interface GitHubOptions extends GitHubProject {
  readonly pull: number;
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
export function github({ pull, self = GITHUB_JOBS, patience = {}, ...project }: GitHubOptions): Forge {
  const ask = githubApi(project);
  const noteOf = (value: unknown): Note => {
    const { id, body, user } = noteSchema.parse(value);
    return { id, body: body ?? "", author: user?.login ?? "" };
  };
  return {
    self,
    async list() {
      const page = (number: number): Request => ask("GET", `/issues/${pull}/comments?per_page=100&page=${number}`);
      return (await allPages(page, patience)).map(noteOf);
    },
    async create(body) {
      return noteOf(await request(ask("POST", `/issues/${pull}/comments`, { body }), patience));
    },
    async edit(id, body) {
      await request(ask("PATCH", `/issues/comments/${id}`, { body }), patience);
    },
    async remove(id) {
      await request(ask("DELETE", `/issues/comments/${id}`), patience);
    },
  };
}
