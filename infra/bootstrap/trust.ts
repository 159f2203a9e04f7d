import type { Inputs } from "./inputs.ts";
import { iamArn } from "./names.ts";

/** Whoever takes a role by a token of the forge. */
export interface Trust {
  readonly Version: "2012-10-17";
  readonly Statement: readonly object[];
}

/** The audience of the forge's tokens: what actions and documents of each forge ask for. */
export function audienceOf({ forge, forgeHost }: Inputs): string {
  return forge === "github" ? "sts.amazonaws.com" : `https://${forgeHost}`;
}

/**
 * Subjects of tokens that may deploy: jobs of one repository, in an environment (GitHub) or of the protected branch (GitLab).
 * No pattern: another repository, a fork or a pull request has another subject.
 */
export function deployerSubjects({ forge, repository, environments, branch }: Inputs): readonly string[] {
  return forge === "github"
    ? environments.map((name) => `repo:${repository}:environment:${name}`)
    : [`project_path:${repository}:ref_type:branch:ref:${branch}`];
}

/**
 * Subjects of tokens that may preview: on GitHub of jobs in one environment. On GitLab of pipelines of the branches that were
 * named, as patterns; a merge request's is of its source branch.
 */
export function previewSubjects({ forge, repository, previewEnvironment, previewBranches }: Inputs): readonly string[] {
  return forge === "github"
    ? [`repo:${repository}:environment:${previewEnvironment}`]
    : previewBranches.map((branch) => `project_path:${repository}:ref_type:branch:ref:${branch}`);
}

/** Trust policy of a role that jobs with these subjects may take. */
export function trustOf(inputs: Inputs, subjects: readonly string[]): Trust {
  const { forgeHost } = inputs;
  const isPattern = subjects.some((subject) => subject.includes("*"));
  const audience = { [`${forgeHost}:aud`]: audienceOf(inputs) };
  const subject = { [`${forgeHost}:sub`]: subjects };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Forge",
        Effect: "Allow",
        Action: "sts:AssumeRoleWithWebIdentity",
        Principal: { Federated: iamArn(inputs, `oidc-provider/${forgeHost}`) },
        Condition: isPattern
          ? { StringEquals: audience, StringLike: subject }
          : { StringEquals: { ...audience, ...subject } },
      },
    ],
  };
}
