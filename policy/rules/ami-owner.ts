import { pinnedImage } from "../core/image.ts";
import type { StackRule } from "../core/rule.ts";
import { TEMPLATE } from "../core/types.ts";

export const amiOwner: StackRule = {
  name: "ami-owner",
  severity: "critical",
  reason: "Anybody can publish an image of any name: only its owner tells whose it is.",
  remedy: "Run `npm run aws:ami -- --stack STACK`; another owner's image needs its account in `imageOwners`.",
  link: "docs/aws.md",
  checkStack: (resources, report, world) => {
    if (!resources.some(({ type }) => type === TEMPLATE)) return false;
    const image = pinnedImage(world);
    if (!image) report("cloister:ami is not set");
    else {
      const { owner, architecture, region } = image;
      if (!world.limits.imageOwners.includes(owner)) report(`the image is ${owner || "nobody"}'s`);
      if (architecture !== "arm64") report(`the image is for ${architecture || "no known architecture"}`);
      if (region !== world.config["cloister:region"]) report(`the image is in ${region || "no known region"}`);
    }
    return undefined;
  },
};
