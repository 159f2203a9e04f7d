import type { GitHubProject, GitLabProject } from "./api.ts";

/** A forge as the command line names it. */
export interface ForgeOptions {
  readonly forge: "github" | "gitlab";
  readonly as?: string;
}

/**
 * Makes what belongs to the forge that is chosen, from the variables of its jobs.
 *
 * @throws Error when a variable is not set, or GitLab's user is not named
 */
export function onForge<T>(
  { forge, as }: ForgeOptions,
  env: NodeJS.ProcessEnv,
  make: {
    readonly github: (project: GitHubProject & { readonly self?: string }) => T;
    readonly gitlab: (project: GitLabProject & { readonly self: string }) => T;
  },
): T {
  const api = env["GITHUB_API_URL"];
  if (forge === "github")
    return make.github({
      repository: needed(env, "GITHUB_REPOSITORY"),
      token: needed(env, "GITHUB_TOKEN"),
      ...(api ? { api } : {}),
      ...(as ? { self: as } : {}),
    });
  if (!as) throw new Error("--as is needed on GitLab: the user name of the project's access token");
  return make.gitlab({
    project: needed(env, "CI_PROJECT_ID"),
    api: needed(env, "CI_API_V4_URL"),
    token: needed(env, "CLOISTER_COMMENT_TOKEN"),
    self: as,
  });
}

/** A variable of the environment that must be set. */
function needed(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
