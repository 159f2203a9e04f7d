import type { Problem, Settings } from "../../../settings/settings.ts";
import { arnProblems } from "./arns.ts";
import type { Checked } from "./found.ts";
import { imageProblems } from "./image.ts";
import { machineProblems } from "./machines.ts";
import { mirrorProblems } from "./mirror.ts";
import { networkProblems } from "./network.ts";
import { placeProblems } from "./place.ts";
import { poolProblems } from "./pools.ts";
import { tagProblems } from "./tags.ts";

/** One check for each group of keys, in the order in which problems are told. */
const CHECKS: readonly ((checked: Checked) => Problem[])[] = [
  placeProblems,
  imageProblems,
  machineProblems,
  poolProblems,
  networkProblems,
  mirrorProblems,
  tagProblems,
  arnProblems,
];

/**
 * Keys on which a problem with this key may depend. If one of them was refused, the problem is not reported: it may come of
 * the value that stands in for the refused one.
 */
const DEPENDS_ON: Readonly<Record<string, readonly string[]>> = {
  zones: ["region"],
  ami: ["region"],
  permissionsBoundary: ["region", "accountId"],
  modelKeySecret: ["region"],
  machines: ["region", "zones"],
  network: ["region", "zones", "aptMirror"],
  aptMirror: ["network", "packages"],
};

/**
 * Everything about an AWS stack that is wrong, found without asking AWS.
 *
 * @param refused keys, or parts of their values, that were refused already and are not in the settings
 */
export function awsProblems(settings: Settings, stack: string, refused: readonly string[] = []): Problem[] {
  const found = CHECKS.flatMap((check) => check({ settings, stack, refused }));
  return found.filter(({ path }) => {
    const key = path.replace("cloister:", "");
    const others = DEPENDS_ON[key.split(".")[0] ?? ""] ?? [];
    return !refused.some(
      (one) => isPartOf(key, one) || isPartOf(one, key) || others.some((other) => isPartOf(one, other)),
    );
  });
}

/** Tells whether a path is another one, or lies within it. */
const isPartOf = (path: string, whole: string): boolean => path === whole || path.startsWith(`${whole}.`);
