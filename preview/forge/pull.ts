import { z } from "zod";
import { type GitHubProject, githubApi } from "./api.ts";
import { allPages, type Patience, type Request } from "./forge.ts";

/** A run of somebody else's workflow, as GitHub's event `workflow_run` describes it. */
export interface HeadOfRun extends GitHubProject {
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
  const { head, commit, patience = {}, ...project } = run;
  const ask = githubApi(project);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error(`--commit ${JSON.stringify(commit)}: is no commit`);
  const page = (number: number): Request =>
    ask("GET", `/pulls?state=open&head=${encodeURIComponent(head)}&per_page=100&page=${number}`);
  const found = (await allPages(page, patience))
    .map((one) => pullSchema.parse(one))
    .filter(
      (one) => one.head.sha === commit && one.head.label === head && one.base.repo.full_name === project.repository,
    );
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(
      `${found.length} open pull requests have the head ${JSON.stringify(head)} at ${commit}: a newer run will comment`,
    );
  return only.number;
}
