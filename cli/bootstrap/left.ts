import type { Inputs } from "../../infra/bootstrap/inputs.ts";
import type { BootstrapOutputs } from "../../infra/bootstrap/program.ts";
import { backendUrl } from "./engine.ts";

/** What is left to do by hand, as lines to read and to copy. */
export function leftToDo(inputs: Inputs, outputs: BootstrapOutputs): string {
  const { region, repository, forge, environments, previewEnvironment, branch, previewBranches, accountId } = inputs;
  // Another branch's pipeline does not see a protected variable, and previews against the stand-in: the role would refuse it.
  const isProtected = previewBranches.every((one) => one === branch);
  const backend = backendUrl(outputs.bucket, region);
  const variable = (name: string, value: string, environment?: string): string =>
    forge === "github"
      ? `   gh variable set ${name} --repo ${repository}${environment ? ` --env ${environment}` : ""} --body '${value}'`
      : `   glab variable set ${name} '${value}' --repo ${repository}`;
  const forgeLines =
    forge === "github"
      ? [
          `2. At the forge: make the environments ${[previewEnvironment, ...environments].join(", ")}, with reviewers for all but the first, and deploys only from the default branch. Then`,
          variable("CLOISTER_STATE", backend),
          variable("CLOISTER_REGION", region),
          variable("CLOISTER_PREVIEW_ROLE", outputs.previewRole),
          ...environments.map((name) => variable("CLOISTER_DEPLOY_ROLE", outputs.deployerRole, name)),
        ]
      : [
          `2. At the forge: protect the branch ${branch}. Then`,
          variable("CLOISTER_STATE", backend),
          variable("CLOISTER_REGION", region),
          `${variable("CLOISTER_PREVIEW_ROLE", outputs.previewRole)}${isProtected ? " --protected" : ""}`,
          variable("CLOISTER_DEPLOY_ROLE", outputs.deployerRole),
        ];
  return [
    "Left to do by hand:",
    "1. For each stack, as deployer:",
    `   export AWS_REGION=${region} PULUMI_BACKEND_URL='${backend}'`,
    `   pulumi stack init STACK --secrets-provider '${outputs.secretsProvider}'`,
    `   pulumi config set cloister:region ${region} --stack STACK`,
    `   pulumi config set cloister:accountId ${accountId} --stack STACK`,
    `   pulumi config set cloister:permissionsBoundary ${outputs.boundary} --stack STACK`,
    "   npm run aws:ami -- --stack STACK",
    ...forgeLines,
    "3. People: whoever deploys by hand gets all policies cloister-deployer-1 and so on; whoever operates machines gets",
    `   ${outputs.operatorPolicy}`,
    "4. Quotas of EC2, and the tag cloister:stack for cost allocation: docs/aws-reference.md.",
  ].join("\n");
}
