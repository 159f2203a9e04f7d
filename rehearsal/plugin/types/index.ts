import type { ResourceType } from "../resource.ts";
import * as bucket from "./bucket.ts";
import * as compute from "./compute.ts";
import * as firewall from "./firewall.ts";
import * as identity from "./identity.ts";
import * as network from "./network.ts";
import * as notify from "./notify.ts";
import * as scaling from "./scaling.ts";
import * as watch from "./watch.ts";

/** All resource types that the stand-in serves, by the provider's token. */
export const TYPES: Readonly<Record<string, ResourceType>> = {
  ...network.TYPES,
  ...compute.TYPES,
  ...scaling.TYPES,
  ...identity.TYPES,
  ...bucket.TYPES,
  ...watch.TYPES,
  ...firewall.TYPES,
  ...notify.TYPES,
};
