import type { Wall } from "../check.ts";
import { audit } from "./audit.ts";
import { bits } from "./bits.ts";
import { bridges } from "./bridges.ts";
import { copies } from "./copies.ts";
import { edge } from "./edge.ts";
import { folders } from "./folders.ts";
import { forwards } from "./forwards.ts";
import { killed } from "./killed.ts";
import { leftovers } from "./leftovers.ts";
import { limits } from "./limits.ts";
import { marks } from "./marks.ts";
import { outside } from "./outside.ts";
import { proxies } from "./proxies.ts";
import { reference } from "./reference.ts";
import { relay } from "./relay.ts";
import { removal } from "./removal.ts";
import { rights } from "./rights.ts";
import { screens } from "./screens.ts";
import { secrets } from "./secrets.ts";
import { syncs } from "./syncs.ts";
import { work } from "./work.ts";

/** Every wall, in the order of the report: the items, then the reference's list, then limits and work. */
export const WALLS: readonly Wall[] = [
  folders,
  marks,
  removal,
  bits,
  copies,
  syncs,
  screens,
  forwards,
  bridges,
  audit,
  relay,
  proxies,
  edge,
  secrets,
  outside,
  rights,
  killed,
  reference,
  limits,
  leftovers,
  work,
];
