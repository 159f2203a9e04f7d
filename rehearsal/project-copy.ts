import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));

const COPIED = [
  "cli",
  "cloud-init",
  "container",
  "contract",
  "guest",
  "images",
  "infra",
  "lib",
  "toolchain",
  "package.json",
  "package-lock.json",
  "Pulumi.yaml",
  "tsconfig.json",
];

/**
 * Copies this project, as it is in the working tree, so that a test has stacks and state of its own.
 *
 * @param packages `linked`: the npm packages are this project's; `none`: they are missing, as in a fresh clone
 */
export async function copyProject(
  to: string,
  also: readonly string[] = [],
  packages: "linked" | "none" = "linked",
): Promise<void> {
  for (const name of [...COPIED, ...also]) {
    await cp(join(REPOSITORY, name), join(to, name), {
      recursive: true,
      filter: (source) => !source.endsWith("node_modules"),
    });
  }
  if (packages === "linked") await symlink(join(REPOSITORY, "node_modules"), join(to, "node_modules"));
}
