import { z } from "zod";
import { allPages, type Patience, type Request } from "./forge.ts";

/** A run of somebody else's workflow, as GitHub's event `workflow_run` describes it. */
export interface HeadOfRun {
  /** @default https://api.github.com */
  readonly api?: string;
  /** OWNER/NAME of the repository that gets the comment. */
  readonly repository: string;
  readonly token: string;
  /** OWNER:BRANCH of the head. The event of a fork's run names no pull request. */
  readonly head: string;
  /** The head's commit. */
  readonly commit: string;
  readonly patience?: Patience;
}

const pullSchema = z.object({
  number: z.number(),
  head: z.object({ sha: z.string(), label: z.string().nullish() }),
  base: z.object({ repo: z.object({ full_name: z.string() }) }),
});

/**
 * The one open pull request whose head is this commit of this branch. The forge says which, and never what the run has made.
 *
 * @throws Error when there is none, or more than one: the branch has moved, or the pull request is closed
 */
export async function pullOf(run: HeadOfRun): Promise<number> {
  const { api = "https://api.github.com", repository, token, head, commit, patience = {} } = run;
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new Error(`${JSON.stringify(repository)}: is no OWNER/NAME`);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error(`--commit ${JSON.stringify(commit)}: is no commit`);
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${token}`,
    "user-agent": "cloister",
    "x-github-api-version": "2022-11-28",
  };
  const root = `${api.replace(/\/$/, "")}/repos/${repository}/pulls?state=open&head=${encodeURIComponent(head)}`;
  const page = (number: number): Request => ({ method: "GET", url: `${root}&per_page=100&page=${number}`, headers });
  const found = (await allPages(page, patience))
    .map((one) => pullSchema.parse(one))
    .filter((one) => one.head.sha === commit && one.head.label === head && one.base.repo.full_name === repository);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(
      `${found.length} open pull requests have the head ${JSON.stringify(head)} at ${commit}: a newer run will comment`,
    );
  return only.number;
}
