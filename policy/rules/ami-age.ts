import { pinnedImage } from "../core/image.ts";
import type { StackRule } from "../core/rule.ts";
import { TEMPLATE } from "../core/types.ts";
import { Undecided } from "../core/value.ts";

const DAY = 86_400_000;

export const amiAge: StackRule = {
  name: "ami-age",
  severity: "medium",
  reason: "An old image lacks fixes, and each machine is unsafe until its first update is through.",
  remedy: "Run `npm run aws:ami -- --stack STACK`, and roll the machines.",
  link: "docs/aws.md",
  checkStack: (resources, report, world) => {
    if (!resources.some(({ type }) => type === TEMPLATE)) return false;
    // Canonical's names end with the day of the build.
    const [, year, month, day] = /(\d{4})(\d{2})(\d{2})(?:\.\d+)?$/.exec(pinnedImage(world)?.name ?? "") ?? [];
    const built = Date.parse(`${year}-${month}-${day}`);
    if (Number.isNaN(built)) throw new Undecided("the day in the name of cloister:ami");
    const days = Math.floor((world.now.getTime() - built) / DAY);
    if (days > world.limits.imageMaxAgeDays)
      report(`the image is ${days} days old, and may be ${world.limits.imageMaxAgeDays}`);
    return undefined;
  },
};
