import { pinnedImage } from "../core/image.ts";
import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE } from "../core/types.ts";

export const amiPinned: ResourceRule = {
  name: "ami-pinned",
  severity: "high",
  reason: "An image by its id is the same tomorrow; one that AWS resolves is somebody else's decision.",
  remedy: "Run `npm run aws:ami -- --stack STACK`, and use `cloister:ami` only.",
  link: "docs/aws.md",
  types: [TEMPLATE, INSTANCE],
  check: ({ type, props }, report, world) => {
    const image = type === TEMPLATE ? props.at("imageId") : props.at("ami");
    if (type === INSTANCE && !image.isSet && props.at("launchTemplate").isSet) return;
    const id = image.text();
    if (id === undefined || !/^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      report(`the image is ${id ?? "not set"}, which is no id`);
    else if (id !== pinnedImage(world)?.id) report(`the image ${id} is not the one of cloister:ami`);
  },
};
