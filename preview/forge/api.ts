import type { Request } from "./forge.ts";

/** Makes a request of a forge's API; `path` is behind the project's own address. */
export type Ask = (method: Request["method"], path: string, body?: object) => Request;

/** Login of whoever the token of a GitHub job is. */
export const GITHUB_JOBS = "github-actions[bot]";

/** A repository on GitHub. */
export interface GitHubProject {
  /** @default https://api.github.com */
  readonly api?: string;
  /** OWNER/NAME. */
  readonly repository: string;
  readonly token: string;
}

/** Requests below `/repos/OWNER/NAME`. @throws Error when the repository's name is none */
export function githubApi({ api = "https://api.github.com", repository, token }: GitHubProject): Ask {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new Error(`${JSON.stringify(repository)}: is no OWNER/NAME`);
  return askAt(`${api.replace(/\/$/, "")}/repos/${repository}`, {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${token}`,
    "user-agent": "cloister",
    "x-github-api-version": "2022-11-28",
  });
}

/** A project on GitLab. */
export interface GitLabProject {
  /** Such as https://gitlab.com/api/v4. */
  readonly api: string;
  /** Number or path. */
  readonly project: string;
  /** A project's access token with `api`: the job's own token cannot write. */
  readonly token: string;
}

/** Requests below `/projects/PROJECT`. */
export function gitlabApi({ api, project, token }: GitLabProject): Ask {
  return askAt(`${api.replace(/\/$/, "")}/projects/${encodeURIComponent(project)}`, {
    "private-token": token,
    "user-agent": "cloister",
  });
}

const askAt =
  (root: string, headers: Readonly<Record<string, string>>): Ask =>
  (method, path, body) => ({ method, url: `${root}${path}`, headers, ...(body ? { body } : {}) });
