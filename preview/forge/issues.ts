import { z } from "zod";
import { GITHUB_JOBS, type GitHubProject, type GitLabProject, githubApi, gitlabApi } from "./api.ts";
import { allPages, type Patience, request } from "./forge.ts";

/** An issue of a project. */
export interface Issue {
  /** Number by which the forge's API knows it in its project. */
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly author: string;
  readonly isOpen: boolean;
}

/** A change of an issue; what is absent stays. */
export interface IssueChange {
  readonly title?: string;
  readonly body?: string;
  readonly isOpen?: boolean;
}

/** The issues of a project. */
export interface Issues {
  /** Name by which this program's own issues are known. */
  readonly self: string;
  /** All issues that this program may have written, open and closed. */
  list(): Promise<Issue[]>;
  create(title: string, body: string): Promise<Issue>;
  change(number: number, change: IssueChange): Promise<void>;
}

const githubIssue = z.object({
  number: z.number(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.string(),
  user: z.object({ login: z.string() }).nullish(),
  pull_request: z.unknown().optional(),
});

/** The issues of a repository on GitHub. Options as of comments. */
export function githubIssues(
  options: GitHubProject & { readonly self?: string; readonly patience?: Patience },
): Issues {
  const { self = GITHUB_JOBS, patience = {}, ...project } = options;
  const ask = githubApi(project);
  const read = (value: unknown): Issue & { readonly isPull: boolean } => {
    const { number, title, body, state, user, pull_request: pull } = githubIssue.parse(value);
    return {
      number,
      title,
      body: body ?? "",
      author: user?.login ?? "",
      isOpen: state === "open",
      isPull: pull !== undefined && pull !== null,
    };
  };
  return {
    self,
    async list() {
      const query = `state=all&creator=${encodeURIComponent(self)}&per_page=100`;
      const all = await allPages((page) => ask("GET", `/issues?${query}&page=${page}`), patience);
      // To GitHub a pull request is an issue.
      return all.map(read).filter(({ isPull }) => !isPull);
    },
    async create(title, body) {
      return read(await request(ask("POST", "/issues", { title, body }), patience));
    },
    async change(number, { title, body, isOpen }) {
      const state = isOpen === undefined ? {} : { state: isOpen ? "open" : "closed" };
      await request(ask("PATCH", `/issues/${number}`, { title, body, ...state }), patience);
    },
  };
}

const gitlabIssue = z.object({
  iid: z.number(),
  title: z.string(),
  description: z.string().nullish(),
  state: z.string(),
  author: z.object({ username: z.string() }),
});

/** The issues of a project on GitLab. They are confidential: only members see them. */
export function gitlabIssues(options: GitLabProject & { readonly self: string; readonly patience?: Patience }): Issues {
  const { self, patience = {}, ...project } = options;
  const ask = gitlabApi(project);
  const read = (value: unknown): Issue => {
    const { iid, title, description, state, author } = gitlabIssue.parse(value);
    return { number: iid, title, body: description ?? "", author: author.username, isOpen: state === "opened" };
  };
  return {
    self,
    async list() {
      const query = `scope=all&author_username=${encodeURIComponent(self)}&per_page=100`;
      return (await allPages((page) => ask("GET", `/issues?${query}&page=${page}`), patience)).map(read);
    },
    async create(title, body) {
      return read(await request(ask("POST", "/issues", { title, description: body, confidential: true }), patience));
    },
    async change(number, { title, body, isOpen }) {
      const state = isOpen === undefined ? {} : { state_event: isOpen ? "reopen" : "close" };
      await request(ask("PUT", `/issues/${number}`, { title, description: body, ...state }), patience);
    },
  };
}
